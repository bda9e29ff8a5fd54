//! Time by instructions: what a device sees of a hart that counts.

use crate::common::Machine;
use std::sync::atomic::Ordering;

/// csrr a0, time
const TIME: u32 = 0xc010_2573;
/// addi a1, a1, 1
const ADD: u32 = 0x0015_8593;

#[test]
fn the_clock_is_told_of_each_instruction_before_it_is_read() {
    let program = [ADD, ADD, TIME, ADD, TIME, ADD];
    for slices in [vec![6], vec![1; 6], vec![2, 4], vec![5, 1]] {
        let mut machine = Machine::new("rv64", &program);
        machine.hart.count_exactly(true);
        let mut seen = Vec::new();
        for slice in slices {
            machine.hart.run(slice);
            seen.push(machine.hart.x(10));
        }
        assert_eq!(seen.last(), Some(&4), "{seen:?}");
        assert_eq!(machine.hart.executed(), 6);
        assert_eq!(machine.clock.0.load(Ordering::Relaxed), 4);
    }
    // Nobody is told by a hart that does not count.
    let mut machine = Machine::new("rv64", &program);
    machine.hart.run(6);
    assert_eq!((machine.hart.x(10), machine.hart.executed()), (0, 6));
}
