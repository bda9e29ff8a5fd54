# Runs random code and tells what came of it, the same way on every machine.
#
# The host puts a header, a table of values, page tables and slots of code into memory (generate.rs,
# whose constants are these). A slot is run ROUNDS times, each time with other registers, in the
# mode of its group. Whatever it does ends in a trap, at last in the `ecall` that closes the slot. At
# each trap the trap's CSRs, all registers and the window of data go into a hash; an instruction that
# has trapped is skipped. After a group of slots the hash is printed to the UART, and with `verbose`
# everything that went into it. A group starts from nothing but its number, so it can be run alone.

    .equ HEADER,   0x80008000
    .equ VALUES,   0x80009000       # 256 values of 8 bytes
    .equ SLOTS,    0x80200000
    .equ SLOT,     128              # bytes
    .equ LAST,     124              # where the `ecall` of a slot is
    .equ WINDOW,   0x80100000       # 512 bytes
    .equ UART,     0x10000000
    .equ FINISHER, 0x00100000
    .equ GROUP,    64               # slots

    # The header, in 8-byte cells.
    .equ H_SEED,     0
    .equ H_FIRST,    8              # the first group, and the one after the last
    .equ H_END,      16
    .equ H_ROUNDS,   24
    .equ H_VERBOSE,  32
    .equ H_FLOAT,    40             # 0, or the width of the f registers
    .equ H_SATP,     48             # satp by mode: U, S, and 0 for M
    .equ H_POINTERS, 80             # 16 values for x9

    # The state, after the frame of registers.
    .equ FRAME,    0x8000c000       # x1 to x31 at 8 * n, f0 to f31 at 256 + 8 * n
    .equ S_HASH,   512
    .equ S_RANDOM, 520
    .equ S_GROUP,  528
    .equ S_SLOT,   536              # within the group
    .equ S_ROUND,  544
    .equ S_ENTRY,  552              # minstret when the slot was entered
    .equ S_TOTAL,  560              # instructions run
    .equ S_TRAPS,  568              # of this round
    .equ S_STATUS, 576              # mstatus at the trap
    .equ S_PC,     584
    .equ S_FCSR,   592

    # Instructions of the runtime between the two readings of minstret.
    .equ OWN,      67
    .equ MPP_SHIFT, 11
    .equ FS,       3 << 13

    .if XLEN == 64
    .macro LX rd, at:vararg
    ld      \rd, \at
    .endm
    .macro SX rs, at:vararg
    sd      \rs, \at
    .endm
    .else
    .macro LX rd, at:vararg
    lw      \rd, \at
    .endm
    .macro SX rs, at:vararg
    sw      \rs, \at
    .endm
    .endif

    .section .text.start, "ax"
    .globl _start
_start:
    csrr    t0, mhartid
    bnez    t0, halt
    la      t0, trap
    csrw    mtvec, t0
    li      t0, FRAME
    csrw    mscratch, t0
    # All of memory for all modes; without PMP these are illegal, and skipped.
    la      t0, 1f
    csrw    mtvec, t0
    li      t0, -1
    csrw    pmpaddr0, t0
    li      t0, 0x1f
    csrw    pmpcfg0, t0
    .balign 4
1:  la      t0, trap
    csrw    mtvec, t0
    li      s0, FRAME
    li      s1, HEADER
    SX      zero, S_TOTAL(s0)
    LX      t0, H_FIRST(s1)
    SX      t0, S_GROUP(s0)

group:
    LX      t0, S_GROUP(s0)
    LX      t1, H_END(s1)
    bgeu    t0, t1, finish
    li      t2, 0x2545f491
    addi    t3, t0, 1
    mul     t2, t2, t3
    LX      t4, H_SEED(s1)
    xor     t2, t2, t4
    bnez    t2, 1f
    li      t2, 1
1:  SX      t2, S_RANDOM(s0)
    SX      zero, S_HASH(s0)
    SX      zero, S_SLOT(s0)
    # The window is filled from the values.
    li      t1, WINDOW
    li      t2, VALUES
    addi    t3, t1, 512
1:  LX      t4, 0(t2)
    SX      t4, 0(t1)
    addi    t1, t1, XLEN / 8
    addi    t2, t2, XLEN / 8
    bltu    t1, t3, 1b
    call    mode
    slli    a0, a0, 3
    add     a0, a0, s1
    LX      t0, H_SATP(a0)
    csrw    satp, t0
    sfence.vma

slot:
    SX      zero, S_ROUND(s0)

round:
    SX      zero, S_TRAPS(s0)
    # Registers from the values; x2, x8 and x9 point to data.
    addi    s2, s0, 8
    addi    s3, s0, 512
1:  call    random
    andi    a0, a0, 255
    slli    a0, a0, 3
    li      t0, VALUES
    add     a0, a0, t0
    lw      t0, 0(a0)
    lw      t1, 4(a0)
    .if XLEN == 64
    ld      t0, 0(a0)
    sd      t0, 0(s2)
    .else
    sw      t0, 0(s2)
    sw      t1, 4(s2)
    .endif
    addi    s2, s2, 8
    bltu    s2, s3, 1b
    li      t0, WINDOW
    SX      t0, 2 * 8(s0)
    addi    t0, t0, 128
    SX      t0, 8 * 8(s0)
    call    random
    andi    a0, a0, 15
    slli    a0, a0, 3
    add     a0, a0, s1
    LX      t0, H_POINTERS(a0)
    SX      t0, 9 * 8(s0)

    # mstatus: the mode; MPRV, SUM and MXR by chance; FS, off one time in eight.
    call    mode
    mv      s2, a0
    slli    s3, a0, MPP_SHIFT
    call    random
    li      t0, 0xc0000             # MXR, SUM
    and     t1, a0, t0
    or      s3, s3, t1
    andi    t1, a0, 7
    li      t0, 3
    bne     s2, t0, 1f
    bnez    t1, 1f
    li      t0, 0x20000             # MPRV
    or      s3, s3, t0
1:  srli    a0, a0, 3
    andi    t1, a0, 7
    LX      t0, H_FLOAT(s1)
    beqz    t0, 3f
    li      t0, FS
    csrs    mstatus, t0
    srli    a0, a0, 3
    andi    a0, a0, 255
    fscsr   a0
    call    load_float
    beqz    t1, 3f
    andi    t1, t1, 3
    bnez    t1, 2f
    li      t1, 3
2:  slli    t1, t1, 13
    or      s3, s3, t1
3:  SX      s3, S_STATUS(s0)
    call    this_slot
    SX      a0, S_PC(s0)
    j       enter

    # Leaves the runtime: everything from the frame.
resume:
    LX      t0, H_FLOAT(s1)
    beqz    t0, enter
    li      t0, FS
    csrs    mstatus, t0
    call    load_float
    LX      t0, S_FCSR(s0)
    fscsr   t0
enter:
    LX      t0, S_STATUS(s0)
    csrw    mstatus, t0
    LX      t0, S_PC(s0)
    csrw    mepc, t0
    csrw    mscratch, s0
    csrr    t0, minstret
    SX      t0, S_ENTRY(s0)
    mv      x31, s0
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    LX      x\n, 8 * \n(x31)
    .endr
    mret

    .balign 4
trap:
    csrrw   x31, mscratch, x31
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    SX      x\n, 8 * \n(x31)
    .endr
    mv      s0, x31
    csrr    t0, minstret
    LX      t1, S_ENTRY(s0)
    sub     t0, t0, t1
    addi    t0, t0, -OWN
    LX      t1, S_TOTAL(s0)
    add     t0, t0, t1
    SX      t0, S_TOTAL(s0)
    csrr    t0, mscratch
    SX      t0, 31 * 8(s0)
    csrw    mscratch, s0
    csrr    t0, mstatus
    SX      t0, S_STATUS(s0)
    csrr    t0, mepc
    SX      t0, S_PC(s0)
    li      s1, HEADER
    LX      s8, H_VERBOSE(s1)
    LX      s9, S_HASH(s0)

    # What the hash is made of. `tell` mixes a0, and prints it if asked to.
    beqz    s8, 1f
    call    this_slot
    call    print
1:  csrr    a0, mcause
    call    tell
    csrr    a0, mepc
    call    tell
    # At a breakpoint both 0 and the address are permitted, and QEMU has had both.
    csrr    a0, mcause
    addi    t0, a0, -3
    csrr    a0, mtval
    bnez    t0, 1f
    li      a0, 0
1:  call    tell
    LX      a0, S_STATUS(s0)
    call    tell
    addi    s2, s0, 8
    addi    s3, s0, 256
1:  LX      a0, 0(s2)
    call    tell
    addi    s2, s2, 8
    bltu    s2, s3, 1b
    LX      s4, H_FLOAT(s1)
    beqz    s4, 3f
    li      t0, FS
    csrs    mstatus, t0
    frcsr   a0
    SX      a0, S_FCSR(s0)
    call    tell
    call    store_float
    addi    s3, s0, 512
2:  lw      a0, 0(s2)
    call    tell
    lw      a0, 4(s2)
    call    tell
    addi    s2, s2, 8
    bltu    s2, s3, 2b
3:  li      s2, WINDOW
    addi    s3, s2, 512
4:  LX      a0, 0(s2)
    # Too long to print: a hash of its own would do, and the common one is printed below.
    call    mix
    addi    s2, s2, XLEN / 8
    bltu    s2, s3, 4b
    SX      s9, S_HASH(s0)
    beqz    s8, 5f
    mv      a0, s9
    call    print
    call    newline

    # The end of the slot, somewhere else, or an instruction to skip.
5:  call    this_slot
    LX      t0, S_PC(s0)
    LX      t1, S_TRAPS(s0)
    addi    t1, t1, 1
    SX      t1, S_TRAPS(s0)
    li      t2, SLOT
    bgeu    t1, t2, 6f
    sub     t1, t0, a0
    li      t2, LAST
    bgeu    t1, t2, 6f
    lhu     t1, 0(t0)
    andi    t1, t1, 3
    addi    t1, t1, -3
    snez    t1, t1
    slli    t1, t1, 1
    addi    t0, t0, 4
    sub     t0, t0, t1
    SX      t0, S_PC(s0)
    j       resume

6:  LX      t0, S_ROUND(s0)
    addi    t0, t0, 1
    SX      t0, S_ROUND(s0)
    LX      t1, H_ROUNDS(s1)
    bltu    t0, t1, round
    LX      t0, S_SLOT(s0)
    addi    t0, t0, 1
    SX      t0, S_SLOT(s0)
    li      t1, GROUP
    bltu    t0, t1, slot
    LX      a0, S_HASH(s0)
    call    print
    call    newline
    LX      t0, S_GROUP(s0)
    addi    t0, t0, 1
    SX      t0, S_GROUP(s0)
    j       group

finish:
    # Counted by the hart, so not the same on every machine.
    li      t0, '#'
    li      t1, UART
    sb      t0, 0(t1)
    LX      a0, S_TOTAL(s0)
    call    print
    call    newline
    li      t0, FINISHER
    li      t1, 0x5555
    sw      t1, 0(t0)
halt:
    wfi
    j       halt

# a0: the mode of this group: 0 user, 1 supervisor, 3 machine.
mode:
    LX      a0, S_GROUP(s0)
    li      t0, 3
    remu    a0, a0, t0
    slti    t0, a0, 2
    xori    t0, t0, 1
    add     a0, a0, t0
    ret

# a0: the address of this slot.
this_slot:
    LX      a0, S_GROUP(s0)
    li      t0, GROUP
    mul     a0, a0, t0
    LX      t0, S_SLOT(s0)
    add     a0, a0, t0
    slli    a0, a0, 7
    li      t0, SLOTS
    add     a0, a0, t0
    ret

# a0: the next random number.
random:
    LX      a0, S_RANDOM(s0)
    .if XLEN == 64
    slli    t0, a0, 13
    xor     a0, a0, t0
    srli    t0, a0, 7
    xor     a0, a0, t0
    slli    t0, a0, 17
    .else
    slli    t0, a0, 13
    xor     a0, a0, t0
    srli    t0, a0, 17
    xor     a0, a0, t0
    slli    t0, a0, 5
    .endif
    xor     a0, a0, t0
    SX      a0, S_RANDOM(s0)
    ret

load_float:
    addi    t0, s0, 256
    LX      t2, H_FLOAT(s1)
    li      t3, 64
    beq     t2, t3, 1f
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    flw     f\n, 8 * \n(t0)
    .endr
    ret
1:  .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld     f\n, 8 * \n(t0)
    .endr
    ret

store_float:
    addi    t0, s0, 256
    LX      t2, H_FLOAT(s1)
    li      t3, 64
    beq     t2, t3, 1f
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsw     f\n, 8 * \n(t0)
    .endr
    ret
1:  .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd     f\n, 8 * \n(t0)
    .endr
    ret

# Mixes a0 into the hash.
mix:
    li      t0, 0x9e3779b1
    xor     s9, s9, a0
    mul     s9, s9, t0
    srli    t0, s9, XLEN / 2 - 3
    xor     s9, s9, t0
    ret

tell:
    beqz    s8, mix
    mv      s7, ra
    mv      s6, a0
    call    print
    mv      a0, s6
    call    mix
    jr      s7

# Prints a0 with all its digits, and a space.
print:
    li      t1, UART
    li      t2, XLEN - 4
1:  srl     t0, a0, t2
    andi    t0, t0, 15
    addi    t0, t0, '0'
    li      t3, '9'
    bleu    t0, t3, 2f
    addi    t0, t0, 'a' - '0' - 10
2:  sb      t0, 0(t1)
    addi    t2, t2, -4
    bgez    t2, 1b
    li      t0, ' '
    sb      t0, 0(t1)
    ret

newline:
    li      t0, '\n'
    li      t1, UART
    sb      t0, 0(t1)
    ret
