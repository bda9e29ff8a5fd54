# A guest for OpenTitan's Ibex: what its ROM does first, in small. It tries the serial line, the timer
# and an interrupt of the UART through the interrupt controller, each by an entry of its own in a
# vectored table, and then sleeps.
#
# `cargo xtask guest` assembles it. It runs from ROM at 0x8000 and keeps its variables at 0x10000000,
# on the board that `-M opentitan,version=6.1` builds and boards/ibex.qmp builds from nothing:
#
#   0x40000000  ibex-uart     sources 1 to 8 of the controller
#   0x40100000  ibex-timer    10 kHz, interrupt 7 of the hart
#   0x41010000  ibex-plic     interrupt 11 of the hart
#
# Nothing here waits for ever: an interrupt that does not come is a line that begins with FAIL.

# ---- Registers ----------------------------------------------------------------------------------------

    .equ UART,              0x40000000      # OpenTitan, UART Technical Specification
    .equ UART_INTR_STATE,   0x00
    .equ UART_INTR_ENABLE,  0x04
    .equ UART_CTRL,         0x10
    .equ UART_STATUS,       0x14
    .equ UART_RDATA,        0x18
    .equ UART_WDATA,        0x1c
    .equ CTRL_TX,           1 << 0
    .equ CTRL_RX,           1 << 1
    .equ CTRL_LOOP,         1 << 4          # what is sent comes back
    .equ STATUS_TXFULL,     1 << 0
    .equ RX_WATERMARK,      1 << 1
    .equ RX_SOURCE,         2               # the receive watermark's source

    .equ TIMER,             0x40100000      # OpenTitan, Timer Technical Specification
    .equ TIMER_CTRL,        0x00
    .equ TIMER_LOWER,       0x104
    .equ TIMER_COMPARE_LOW, 0x10c
    .equ TIMER_COMPARE_HIGH, 0x110
    .equ MILLISECOND,       10

    .equ PLIC_PRIORITY,     0x41010030      # of source 1
    .equ PLIC_ENABLE,       0x41010300
    .equ PLIC_THRESHOLD,    0x41010318
    .equ PLIC_CLAIM,        0x4101031c

    .equ MSTATUS_MIE,       1 << 3
    .equ TIMER_CAUSE,       7
    .equ EXTERNAL_CAUSE,    11

# ---- Macros -------------------------------------------------------------------------------------------

# Writes a device's register. Uses t0 and t1.
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

# ---- The table: an interrupt goes to its own entry, an exception to the first -----------------------------

    .section .text.start, "ax"
vectors:
    .option push
    .option norvc
    j       unexpected
    .rept   TIMER_CAUSE - 1
    j       unexpected
    .endr
    j       on_timer
    .rept   EXTERNAL_CAUSE - TIMER_CAUSE - 1
    j       unexpected
    .endr
    j       on_external
    .rept   32 - EXTERNAL_CAUSE - 1
    j       unexpected
    .endr
    .option pop

# ---- Start ------------------------------------------------------------------------------------------------

    .org    0x90
    .globl  _start
_start:
    la      sp, stack_top
    la      t0, vectors
    ori     t0, t0, 1               # the mode: vectored
    csrw    mtvec, t0
    csrw    mie, zero
    la      t0, came
    sw      zero, 0(t0)
    poke    UART + UART_CTRL, CTRL_TX

    print   "Boardwright on Ibex: RV32, vectors at "
    la      a0, vectors
    call    put_hex
    print   "\r\n"
    call    try_timer
    call    try_uart
    print   "all interrupts came: sleeping\r\n"
park:
    csrw    mie, zero
1:  wfi
    j       1b

# ---- What is tried ------------------------------------------------------------------------------------------

    .text

# Ten milliseconds of sleep.
try_timer:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    li      a0, 10 * MILLISECOND
    call    set_alarm
    call    sleep
    li      t0, TIMER_CAUSE
    bne     a0, t0, late
    print   "timer interrupt\r\n"
    j       return

# A character that is sent to itself.
try_uart:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    PLIC_PRIORITY + 4 * (RX_SOURCE - 1), 1
    poke    PLIC_ENABLE, 1 << RX_SOURCE
    poke    PLIC_THRESHOLD, 0
    poke    UART + UART_INTR_ENABLE, RX_WATERMARK
    poke    UART + UART_CTRL, CTRL_TX | CTRL_RX | CTRL_LOOP
    li      a0, 2000 * MILLISECOND
    call    set_alarm
    poke    UART + UART_WDATA, '!'
    call    sleep
    mv      s0, a0
    poke    UART + UART_CTRL, CTRL_TX
    li      t0, EXTERNAL_CAUSE
    bne     s0, t0, late
    print   "uart interrupt, source "
    la      t0, source
    lw      a0, 0(t0)
    call    put_hex
    print   ", character "
    la      t0, character
    lw      a0, 0(t0)
    call    put_char
    print   "\r\n"
    j       return

late:
    print   "FAIL: another interrupt came first, or none\r\n"
    j       park

return:
    lw      ra, 0(sp)
    addi    sp, sp, 16
    ret

# Sets the alarm a0 ticks ahead.
set_alarm:
    li      t0, TIMER
    li      t1, 1
    sw      t1, TIMER_CTRL(t0)
    lw      t1, TIMER_LOWER(t0)
    add     t1, t1, a0
    sw      t1, TIMER_COMPARE_LOW(t0)
    sw      zero, TIMER_COMPARE_HIGH(t0)
    ret

# Sleeps until a handler has noted its cause; gives the cause in a0.
sleep:
    li      t0, 1 << TIMER_CAUSE | 1 << EXTERNAL_CAUSE
    csrw    mie, t0
    la      t0, came
    # Interrupts are let in right behind the WFI and nowhere else, so that none comes before it.
1:  lw      a0, 0(t0)
    bnez    a0, 2f
    wfi
    csrsi   mstatus, MSTATUS_MIE
    nop
    csrci   mstatus, MSTATUS_MIE
    j       1b
2:  sw      zero, 0(t0)
    csrw    mie, zero
    ret

# ---- Handlers. They come in `sleep` only, where t1 to t6 mean nothing. ----------------------------------------

on_timer:
    li      t1, TIMER
    li      t2, -1
    sw      t2, TIMER_COMPARE_HIGH(t1)
    sw      t2, TIMER_COMPARE_LOW(t1)
    li      t3, TIMER_CAUSE
    j       note

on_external:
    li      t1, PLIC_CLAIM
    lw      t2, 0(t1)
    la      t4, source
    sw      t2, 0(t4)
    li      t5, UART
    li      t6, RX_WATERMARK
    sw      t6, UART_INTR_STATE(t5)
    lw      t6, UART_RDATA(t5)
    la      t4, character
    sw      t6, 0(t4)
    # The line is quiet: the source can be completed.
    sw      t2, 0(t1)
    li      t3, EXTERNAL_CAUSE
note:
    la      t1, came
    sw      t3, 0(t1)
    mret

# A fault of the printing itself must not come back here for ever.
unexpected:
    la      t0, stop
    csrw    mtvec, t0
    la      sp, stack_top
    poke    UART + UART_CTRL, CTRL_TX
    print   "FAIL: unexpected trap, mcause "
    csrr    a0, mcause
    call    put_hex
    print   ", mepc "
    csrr    a0, mepc
    call    put_hex
    print   "\r\n"
    .balign 4
stop:
    j       park

# ---- Printing ---------------------------------------------------------------------------------------------------

# Sends the character in a0. Changes t0 and t1.
put_char:
    li      t0, UART
1:  lw      t1, UART_STATUS(t0)
    andi    t1, t1, STATUS_TXFULL
    bnez    t1, 1b
    sw      a0, UART_WDATA(t0)
    ret

# Prints the text at a0, which ends in a zero byte.
put_text:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    mv      a1, a0
1:  lbu     a0, 0(a1)
    beqz    a0, return
    call    put_char
    addi    a1, a1, 1
    j       1b

# Prints a0 as 0x and eight hexadecimal digits.
put_hex:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    mv      a1, a0
    li      a2, 32
    li      a0, '0'
    call    put_char
    li      a0, 'x'
    call    put_char
1:  addi    a2, a2, -4
    srl     a0, a1, a2
    andi    a0, a0, 0xf
    li      t0, 10
    bltu    a0, t0, 2f
    addi    a0, a0, 'a' - '0' - 10
2:  addi    a0, a0, '0'
    call    put_char
    bnez    a2, 1b
    j       return

# ---- Variables ----------------------------------------------------------------------------------------------------

    .bss
    .balign 16
came:                               # cause of the interrupt that was handled, 0 if none came
    .skip   4
source:                             # what the controller named
    .skip   4
character:                          # what the UART received
    .skip   4
    .balign 16
stack:
    .skip   512
stack_top:
