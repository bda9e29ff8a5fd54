//! A server for gdb: the remote serial protocol (GDB manual, appendix "Remote Protocol") on a
//! character back end. What it understands and answers is what QEMU does, whose clients it serves.
//!
//! `link` finds packets on the thread that serves sockets; `server` does what they ask for, on the
//! machine thread; `thread` and `registers` know how gdb names harts and their registers, and `points`
//! where it wants them to stop.
//!
//! The crate gdbstub was considered. It gives a session up when a checksum is wrong or a packet
//! has to be sent again, does not answer `vKill`, always reports the first thread to a client that
//! comes back, and has no room for QEMU's own packets; the rest of it is no more than what stands
//! here.

mod link;
mod packet;
mod points;
mod registers;
mod server;
mod thread;

pub use link::Event;
pub use server::Server;
