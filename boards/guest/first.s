# The first guest: a small firmware that tries, on a board built by command, what every firmware needs:
# a serial line, a timer, an external interrupt through the PLIC, a software interrupt, and an end.
#
# One source for both widths: `cargo xtask guest` assembles it with XLEN=32 and with XLEN=64.
# It uses machine mode only, no C runtime, and 16 KiB of RAM from 0x80000000.
#
# A board for it has these devices:
#
#   0x00100000  riscv.sifive.test     ends the run, with a status
#   0x02000000  riscv.aclint.swi      raises software interrupts (interrupt 3 of the hart)
#   0x02004000  riscv.aclint.mtimer   mtimecmp, and mtime at 0x0200bff8, 10 MHz (interrupt 7)
#   0x0c000000  riscv.sifive.plic     collects the devices' interrupts (interrupt 11)
#   0x10013000  riscv.sifive.uart     serial line, source 3 of the PLIC
#
# Nothing here waits for ever. What does not come within two seconds of mtime is reported in a line
# that begins with FAIL, and the board is powered off with the code of the list below.

# ---- Why a run can fail: the status that the board powers off with ------------------------------------

    .equ FAIL_CLOCK,    1       # mtime does not move
    .equ FAIL_TIMER,    2       # the timer interrupt does not come
    .equ FAIL_EXTERNAL, 3       # the UART's interrupt does not come
    .equ FAIL_SOURCE,   4       # the PLIC names another source than the UART
    .equ FAIL_SOFTWARE, 5       # the software interrupt does not come
    .equ FAIL_TRAP,     6       # a trap that nobody expects
    .equ FAIL_UART,     7       # the UART does not take characters (so there is no line about it)

# ---- Registers of the devices -------------------------------------------------------------------------

    .equ FINISHER,      0x00100000
    .equ FINISHER_PASS, 0x5555  # power off with status 0
    .equ FINISHER_FAIL, 0x3333  # power off with the status in the upper half

    .equ MSIP,          0x02000000
    .equ MTIMECMP,      0x02004000
    .equ MTIME,         0x0200bff8
    .equ MILLISECOND,   10000   # in ticks of mtime

    .equ PLIC_PRIORITY,  0x0c000000     # a word a source
    .equ PLIC_ENABLE,    0x0c002000     # a bit a source; context 0 is this hart in machine mode
    .equ PLIC_THRESHOLD, 0x0c200000
    .equ PLIC_CLAIM,     0x0c200004
    .equ UART_SOURCE,    3

    .equ UART,          0x10013000      # SiFive FE310-G002 manual, chapter 18
    .equ UART_TXDATA,   0x00            # bit 31 reads as 1 while the queue is full
    .equ UART_TXCTRL,   0x08
    .equ UART_IE,       0x10
    .equ TXCTRL_TXEN,   1 << 0
    .equ TXCTRL_TXCNT1, 1 << 16         # the watermark: fewer than one character waiting
    .equ IE_TXWM,       1 << 0

# ---- Numbers of the privileged architecture -----------------------------------------------------------

    .equ MSTATUS_MIE,   1 << 3
    .equ MSTATUS_MPIE,  1 << 7          # becomes MIE again at the end of a trap
    .equ SOFTWARE,      3               # as cause, and as bit of mie and mip
    .equ TIMER,         7
    .equ EXTERNAL,      11

# ---- Macros: the two widths, and printing -------------------------------------------------------------

# Loads and stores a register of the machine's width.
.macro loadx register, place
  .if XLEN == 64
    ld      \register, \place
  .else
    lw      \register, \place
  .endif
.endm

.macro storex register, place
  .if XLEN == 64
    sd      \register, \place
  .else
    sw      \register, \place
  .endif
.endm

# Writes a device's 32-bit register. Uses t0 and t1.
.macro poke address, value
    li      t0, \address
    li      t1, \value
    sw      t1, 0(t0)
.endm

# Prints a text that stands right here in the source, and in .rodata in the image.
.macro print text
    .pushsection .rodata
.Ltext\@:
    .asciz  "\text"
    .popsection
    la      a0, .Ltext\@
    call    put_text
.endm

# Prints why it failed, and ends the run.
.macro fail code, text
    print   "FAIL: \text\r\n"
    li      a0, \code
    j       power_off
.endm

# ---- Start --------------------------------------------------------------------------------------------

    .section .text.start, "ax"
    .globl  _start
_start:
    # Every hart of a board starts here, and one is enough for this program.
    csrr    t0, mhartid
    bnez    t0, park

    # Memory may hold anything at reset, and so may most CSRs: set what is relied on.
    la      sp, stack_top
    la      t0, trap
    csrw    mtvec, t0
    csrw    mie, zero
    csrci   mstatus, MSTATUS_MIE
    la      t0, last_cause
    storex  zero, 0(t0)

    poke    UART + UART_IE, 0
    poke    UART + UART_TXCTRL, TXCTRL_TXEN

    call    greet
    call    try_clock
    call    try_timer
    call    try_external
    call    try_software

    print   "all interrupts came: powering off\r\n"
    li      a0, 0
    j       power_off

# ---- What is tried, one after the other ---------------------------------------------------------------

    .text

# Says what hart this is.
greet:
    addi    sp, sp, -16
    storex  ra, 0(sp)
  .if XLEN == 64
    print   "Boardwright first guest: RV64, hart "
  .else
    print   "Boardwright first guest: RV32, hart "
  .endif
    csrr    a0, mhartid
    call    put_hex
    print   ", misa "
    csrr    s0, misa
    li      s1, 'a'
1:  # Bit 0 of misa stands for the letter A, bit 25 for Z.
    andi    t0, s0, 1
    srli    s0, s0, 1
    beqz    t0, 2f
    mv      a0, s1
    call    put_char
2:  addi    s1, s1, 1
    li      t0, 'z'
    bleu    s1, t0, 1b
    print   "\r\n"
    j       return

# Makes sure, without sleeping, that time passes and that the alarm rings: from here on the alarm is
# what ends a sleep that nothing else ends.
try_clock:
    addi    sp, sp, -16
    storex  ra, 0(sp)

    # The low word is enough to see a change, on both widths.
    li      t0, MTIME
    li      t2, 1000000
    lw      t1, 0(t0)
1:  lw      t3, 0(t0)
    bne     t1, t3, 2f
    addi    t2, t2, -1
    bnez    t2, 1b
    fail    FAIL_CLOCK, "mtime does not move"

2:  li      a0, MILLISECOND
    call    set_alarm
    li      t0, MTIME
    li      t2, 2000 * MILLISECOND
    lw      t1, 0(t0)
3:  # mip shows the interrupt though mie does not let it in.
    csrr    t4, mip
    andi    t4, t4, 1 << TIMER
    bnez    t4, return
    lw      t3, 0(t0)
    sub     t3, t3, t1
  .if XLEN == 64
    sext.w  t3, t3
  .endif
    bltu    t3, t2, 3b
    fail    FAIL_TIMER, "mip shows no timer interrupt"

# The timer interrupt: ten milliseconds of sleep.
try_timer:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    li      a0, 10 * MILLISECOND
    call    set_alarm
    li      t0, 1 << TIMER
    csrs    mie, t0

    # Here the alarm is what is waited for, so nothing else can end the sleep. That it rings at all was
    # seen in try_clock.
    call    sleep
    li      t0, TIMER
    beq     a0, t0, 1f
    fail    FAIL_TIMER, "the timer interrupt did not come first"
1:  print   "timer interrupt, mcause "
    call    put_cause
    j       return

# The external interrupt: the UART says that it has nothing left to send, the PLIC passes it on.
try_external:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    la      t0, last_source
    storex  zero, 0(t0)

    poke    PLIC_PRIORITY + 4 * UART_SOURCE, 1
    poke    PLIC_ENABLE, 1 << UART_SOURCE
    poke    PLIC_THRESHOLD, 0
    li      t0, 1 << EXTERNAL
    csrs    mie, t0

    li      a0, 2000 * MILLISECOND
    call    set_alarm
    poke    UART + UART_TXCTRL, TXCTRL_TXEN | TXCTRL_TXCNT1
    poke    UART + UART_IE, IE_TXWM
    call    sleep
    li      t0, EXTERNAL
    beq     a0, t0, 1f
    fail    FAIL_EXTERNAL, "the UART's interrupt did not come through the PLIC"

1:  la      t0, last_source
    loadx   a0, 0(t0)
    li      t0, UART_SOURCE
    beq     a0, t0, 2f
    print   "source "
    la      t0, last_source
    loadx   a0, 0(t0)
    call    put_hex
    print   "\r\n"
    fail    FAIL_SOURCE, "the PLIC named another source than the UART, 3"
2:  print   "external interrupt, source 3 of the PLIC, mcause "
    call    put_cause
    j       return

# The software interrupt: the hart sends it to itself, as another hart would.
try_software:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    li      t0, 1 << SOFTWARE
    csrs    mie, t0
    li      a0, 2000 * MILLISECOND
    call    set_alarm
    poke    MSIP, 1
    call    sleep
    li      t0, SOFTWARE
    beq     a0, t0, 1f
    fail    FAIL_SOFTWARE, "the software interrupt did not come"
1:  print   "software interrupt, mcause "
    call    put_cause
    j       return

# The end of every function that keeps its return address, and nothing else, on the stack.
return:
    loadx   ra, 0(sp)
    addi    sp, sp, 16
    ret

# ---- Sleeping, and what wakes ---------------------------------------------------------------------------

# Sleeps until a trap was handled. Gives its cause without the interrupt bit in a0.
sleep:
    # Interrupts are let in right behind the WFI and nowhere else. With them let in before it, one could
    # come between the look at last_cause and the WFI, and the WFI would then wait for another.
    # A pending interrupt ends the WFI even while mstatus keeps it out.
    la      t0, last_cause
1:  loadx   t1, 0(t0)
    bnez    t1, 2f
    wfi
    csrsi   mstatus, MSTATUS_MIE
    nop
    csrci   mstatus, MSTATUS_MIE
    j       1b
2:  storex  zero, 0(t0)
    la      t0, shown_cause
    storex  t1, 0(t0)
    # The interrupt bit is the topmost: shifted out at one end and back without it.
    slli    a0, t1, 1
    srli    a0, a0, 1
    ret

# Sets the alarm a0 ticks ahead.
set_alarm:
    li      t0, MTIME
  .if XLEN == 64
    ld      t1, 0(t0)
    add     t1, t1, a0
    li      t0, MTIMECMP
    sd      t1, 0(t0)
  .else
    # The low half may overflow between two reads: read the high half twice.
1:  lw      t2, 4(t0)
    lw      t1, 0(t0)
    lw      t3, 4(t0)
    bne     t2, t3, 1b
    add     t1, t1, a0
    sltu    t3, t1, a0
    add     t2, t2, t3
    # Between the two writes the alarm must not ring: keep it in the far future until both are done.
    li      t0, MTIMECMP
    li      t3, -1
    sw      t3, 4(t0)
    sw      t1, 0(t0)
    sw      t2, 4(t0)
  .endif
    ret

# ---- The trap handler -------------------------------------------------------------------------------------

# Silences what came, notes it in last_cause, and returns; the main path does the rest. It may come
# between any two instructions of the main path, so it leaves every register as it was.
    .balign 4                   # mtvec's low bits are its mode
trap:
    addi    sp, sp, -32
    storex  t0, 0(sp)
    storex  t1, 8(sp)
    storex  t2, 16(sp)

    csrr    t2, mcause
    bgez    t2, unexpected      # the interrupt bit is the sign
    slli    t1, t2, 1
    srli    t1, t1, 1
    li      t0, TIMER
    beq     t1, t0, 1f
    li      t0, SOFTWARE
    beq     t1, t0, 2f
    li      t0, EXTERNAL
    bne     t1, t0, unexpected

    # Claiming tells which source it is and keeps the PLIC from raising it again; the UART must be quiet
    # before the source is completed, or it would come at once.
    li      t0, PLIC_CLAIM
    lw      t1, 0(t0)
    la      t0, last_source
    storex  t1, 0(t0)
    li      t0, UART + UART_IE
    sw      zero, 0(t0)
    li      t0, PLIC_CLAIM
    sw      t1, 0(t0)
    j       3f

1:  # An alarm at the end of time does not ring.
    li      t0, MTIMECMP
    li      t1, -1
  .if XLEN == 64
    sd      t1, 0(t0)
  .else
    sw      t1, 4(t0)
    sw      t1, 0(t0)
  .endif
    j       3f

2:  li      t0, MSIP
    sw      zero, 0(t0)

3:  la      t0, last_cause
    storex  t2, 0(t0)
    # One trap at a time: a line that stays raised although it was silenced would otherwise lead right
    # back here, and the main path would never get to say so.
    li      t0, MSTATUS_MPIE
    csrc    mstatus, t0
    loadx   t0, 0(sp)
    loadx   t1, 8(sp)
    loadx   t2, 16(sp)
    addi    sp, sp, 32
    mret

# A trap that nobody expects is the end: say all that is known of it.
unexpected:
    # A fault of the printing itself must not come back here for ever.
    la      t0, park
    csrw    mtvec, t0
    la      sp, stack_top
    print   "FAIL: unexpected trap, mcause "
    csrr    a0, mcause
    call    put_hex
    print   ", mepc "
    csrr    a0, mepc
    call    put_hex
    print   ", mtval "
    csrr    a0, mtval
    call    put_hex
    print   "\r\n"
    li      a0, FAIL_TRAP
    j       power_off

# ---- Printing ---------------------------------------------------------------------------------------------

# Sends the character in a0. Changes t0 to t2.
put_char:
    li      t0, UART
    li      t2, 1000000
1:  lw      t1, UART_TXDATA(t0)
    bgez    t1, 2f              # bit 31 is the sign: clear, there is room
    addi    t2, t2, -1
    bnez    t2, 1b
    li      a0, FAIL_UART
    j       power_off
2:  sw      a0, UART_TXDATA(t0)
    ret

# Prints the text at a0, which ends in a zero byte.
put_text:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    mv      a1, a0
1:  lbu     a0, 0(a1)
    beqz    a0, return
    call    put_char
    addi    a1, a1, 1
    j       1b

# Prints the cause that ended the last sleep, and ends the line.
put_cause:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    la      t0, shown_cause
    loadx   a0, 0(t0)
    call    put_hex
    print   "\r\n"
    j       return

# Prints a0 as 0x and hexadecimal digits, without leading zeros.
put_hex:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    mv      a1, a0
    li      a2, XLEN
    li      a0, '0'
    call    put_char
    li      a0, 'x'
    call    put_char
1:  # Skip digits that are zero, except the last.
    addi    a2, a2, -4
    srl     a0, a1, a2
    bnez    a0, 2f
    bnez    a2, 1b
2:  srl     a0, a1, a2
    andi    a0, a0, 0xf
    li      t0, 10
    bltu    a0, t0, 3f
    addi    a0, a0, 'a' - '0' - 10
3:  addi    a0, a0, '0'
    call    put_char
    addi    a2, a2, -4
    bgez    a2, 2b
    j       return

# ---- The end ----------------------------------------------------------------------------------------------

# Powers the board off with the status in a0.
power_off:
    # On a board without the finisher the store below traps: then stop instead of reporting for ever.
    la      t0, park
    csrw    mtvec, t0
    csrw    mie, zero
    li      t1, FINISHER_PASS
    beqz    a0, 1f
    slli    t1, a0, 16
    li      t0, FINISHER_FAIL
    or      t1, t1, t0
1:  li      t0, FINISHER
    sw      t1, 0(t0)

# Nothing left to do.
    .balign 4                   # also used as a trap handler
park:
    wfi
    j       park

# ---- Variables --------------------------------------------------------------------------------------------

    .bss
    .balign 16
last_cause:                     # mcause of the trap that was handled, 0 if none came
    .skip   8
shown_cause:                    # the one that ended the last sleep
    .skip   8
last_source:                    # what the PLIC named
    .skip   8
    .balign 16
stack:
    .skip   512
stack_top:
