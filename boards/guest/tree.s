# A guest that knows no address: it finds its console in the flattened device tree whose address it is
# given in a1, prints through it what it has found, and powers off by the finisher that it finds there.
#
# One source for both widths: `cargo xtask guest` assembles it with XLEN=32 and with XLEN=64. It runs in
# machine mode on the hart that comes first; the others wait. It reads the tree with /chosen
# stdout-path, and understands the consoles sifive,uart0 and ns16550a.
#
# The tree's form: Devicetree Specification v0.4, chapter 5. A token and its contents are made of
# big-endian words; paths are followed by name, one level a slash.

# ---- The flattened tree -------------------------------------------------------------------------------

    .equ FDT_MAGIC,      0xd00dfeed
    .equ FDT_STRUCTURE,  8              # offset of the structure block, in the header
    .equ FDT_STRINGS,    12             # offset of the names of properties
    .equ BEGIN_NODE,     1
    .equ END_NODE,       2
    .equ PROPERTY,       3
    .equ NOP,            4

# ---- Registers of the devices -------------------------------------------------------------------------

    .equ SIFIVE_TXDATA,  0x00           # bit 31 reads as 1 while the queue is full
    .equ SIFIVE_TXCTRL,  0x08
    .equ NS16550_THR,    0
    .equ NS16550_LSR,    5
    .equ LSR_EMPTY,      0x20
    .equ FINISHER_PASS,  0x5555

# ---- Loads and stores of a register of the machine's width --------------------------------------------

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

# ---- Start --------------------------------------------------------------------------------------------

    .section .text.start, "ax"
    .globl  _start
_start:
    # The first hart goes on.
    la      t0, taken
    li      t1, 1
    amoswap.w.aq t1, t1, (t0)
    bnez    t1, park
    la      sp, stack_end
    la      t0, park
    csrw    mtvec, t0

    # s0: the tree; s1: structure block; s2: names of properties
    mv      s0, a1
    beqz    s0, park
    mv      a0, s0
    call    word
    li      t0, FDT_MAGIC
    bne     a0, t0, park
    addi    a0, s0, FDT_STRUCTURE
    call    word
    add     s1, s0, a0
    addi    a0, s0, FDT_STRINGS
    call    word
    add     s2, s0, a0

    # s3: the console's path; s4: its address; s5: whether it is a sifive,uart0
    la      a0, path_chosen
    la      a1, name_stdout
    call    find
    beqz    a0, park
    mv      s3, a0
    mv      a0, s3
    la      a1, name_reg
    call    find
    beqz    a0, park
    call    address
    mv      s4, a0
    mv      a0, s3
    la      a1, name_compatible
    call    find
    beqz    a0, park
    mv      s6, a0
    la      a1, sifive_uart
    call    equal
    mv      s5, a0
    beqz    s5, 1f
    li      t0, 1
    sw      t0, SIFIVE_TXCTRL(s4)
1:
    la      a0, text_hello
    call    print
    mv      a0, s3
    call    print
    la      a0, text_is
    call    print
    mv      a0, s6
    call    print
    la      a0, text_at
    call    print
    mv      a0, s4
    call    hexadecimal
    la      a0, text_harts
    call    print
    call    harts
    addi    a0, a0, '0'
    call    put
    la      a0, text_end
    call    print

    la      a0, finisher
    call    compatible
    beqz    a0, park
    call    address
    li      t0, FINISHER_PASS
    sw      t0, 0(a0)
    .balign 4
park:
    wfi
    j       park

# Whether a hart has gone on. (Code and data share the one segment.)
    .balign 4
taken:
    .word   0

    .text

# ---- Reading the tree ---------------------------------------------------------------------------------

# The big-endian word at a0.
word:
    lbu     t0, 0(a0)
    lbu     t1, 1(a0)
    lbu     t2, 2(a0)
    lbu     t3, 3(a0)
    slli    t0, t0, 24
    slli    t1, t1, 16
    slli    t2, t2, 8
    or      t0, t0, t1
    or      t2, t2, t3
    or      a0, t0, t2
  .if XLEN == 64
    slli    a0, a0, 32
    srli    a0, a0, 32
  .endif
    ret

# The address that `reg` at a0 begins with: two cells.
address:
    mv      a7, ra
    mv      t4, a0
    addi    a0, t4, 4
    call    word
  .if XLEN == 64
    mv      t5, a0
    mv      a0, t4
    call    word
    slli    a0, a0, 32
    or      a0, a0, t5
  .endif
    jr      a7

# The next token from a6: a5 is the token, a6 goes on behind it. a4: a node's name, or a property's
# value; a3: a property's name. Leaves t4 to t6 alone.
token:
    mv      a7, ra
1:
    mv      a0, a6
    call    word
    mv      a5, a0
    addi    a6, a6, 4
    li      t0, NOP
    beq     a5, t0, 1b
    li      t0, BEGIN_NODE
    beq     a5, t0, 2f
    li      t0, PROPERTY
    beq     a5, t0, 4f
    jr      a7
2:  # the name ends with a zero byte
    mv      a4, a6
3:
    lbu     t0, 0(a6)
    addi    a6, a6, 1
    bnez    t0, 3b
    j       5f
4:  # length, offset of the name, value
    mv      a0, a6
    call    word
    mv      a4, a0
    addi    a0, a6, 4
    call    word
    add     a3, s2, a0
    addi    a6, a6, 8
    mv      t0, a6
    add     a6, a6, a4
    mv      a4, t0
5:
    addi    a6, a6, 3
    andi    a6, a6, -4
    jr      a7

# The value of property a1 of the node at path a0; 0 when there is none.
find:
    addi    sp, sp, -32
    storex  ra, 0(sp)
    storex  s8, 8(sp)
    storex  s9, 16(sp)
    addi    s8, a0, 1           # what of the path is to come
    mv      s9, a1
    li      t4, 0               # how deep we are
    li      t5, 0               # how deep the path has led us
    mv      a6, s1
1:
    call    token
    li      t0, BEGIN_NODE
    beq     a5, t0, 2f
    li      t0, END_NODE
    beq     a5, t0, 6f
    li      t0, PROPERTY
    bne     a5, t0, 8f
    # in the node that is meant?
    bne     t4, t5, 1b
    lbu     t0, 0(s8)
    beqz    t0, 9f
    li      t1, ':'
    bne     t0, t1, 1b
9:
    mv      a0, a3
    mv      a1, s9
    call    equal
    beqz    a0, 1b
    mv      a0, a4
    j       7f
2:
    addi    t4, t4, 1
    li      t0, 1
    beq     t4, t0, 5f          # the root
    addi    t1, t5, 1
    bne     t4, t1, 1b
    # one component of the path
    mv      t2, s8
3:
    lbu     t0, 0(a4)
    lbu     t1, 0(t2)
    beqz    t0, 4f
    bne     t0, t1, 1b
    addi    a4, a4, 1
    addi    t2, t2, 1
    j       3b
4:
    li      t0, '/'
    beq     t1, t0, 10f
    li      t0, ':'
    beq     t1, t0, 11f
    bnez    t1, 1b
    j       11f
10:
    addi    t2, t2, 1
11:
    mv      s8, t2
5:
    addi    t5, t5, 1
    j       1b
6:
    # out of a node that the path has led to: it leads no further
    beq     t4, t5, 8f
    addi    t4, t4, -1
    j       1b
8:
    li      a0, 0
7:
    loadx   ra, 0(sp)
    loadx   s8, 8(sp)
    loadx   s9, 16(sp)
    addi    sp, sp, 32
    ret

# `reg` of the first node that has a0 among its compatible strings, and has its registers behind them;
# 0 when there is none.
compatible:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    storex  s8, 8(sp)
    mv      s8, a0
    mv      a6, s1
1:
    li      t6, 0               # whether this node is one
2:
    call    token
    li      t0, BEGIN_NODE
    beq     a5, t0, 1b
    li      t0, END_NODE
    beq     a5, t0, 1b
    li      t0, PROPERTY
    bne     a5, t0, 6f
    mv      a0, a3
    la      a1, name_reg
    call    equal
    beqz    a0, 3f
    beqz    t6, 2b
    mv      a0, a4
    j       7f
3:
    mv      a0, a3
    la      a1, name_compatible
    call    equal
    beqz    a0, 2b
4:  # each of the strings; a6 is behind the last, or up to 3 bytes further
    mv      a0, a4
    mv      a1, s8
    call    equal
    or      t6, t6, a0
5:
    lbu     t0, 0(a4)
    addi    a4, a4, 1
    bnez    t0, 5b
    bgeu    a4, a6, 2b
    lbu     t0, 0(a4)
    bnez    t0, 4b
    j       2b
6:
    li      a0, 0
7:
    loadx   ra, 0(sp)
    loadx   s8, 8(sp)
    addi    sp, sp, 16
    ret

# How many nodes have device_type = "cpu".
harts:
    addi    sp, sp, -16
    storex  ra, 0(sp)
    li      t6, 0
    mv      a6, s1
1:
    call    token
    li      t0, END_NODE
    bgtu    a5, t0, 2f
    j       1b
2:
    li      t0, PROPERTY
    bne     a5, t0, 3f
    mv      a0, a3
    la      a1, name_type
    call    equal
    beqz    a0, 1b
    mv      a0, a4
    la      a1, type_cpu
    call    equal
    add     t6, t6, a0
    j       1b
3:
    mv      a0, t6
    loadx   ra, 0(sp)
    addi    sp, sp, 16
    ret

# Whether the texts at a0 and a1 are the same: 1 or 0.
equal:
    lbu     t0, 0(a0)
    lbu     t1, 0(a1)
    bne     t0, t1, 1f
    addi    a0, a0, 1
    addi    a1, a1, 1
    bnez    t0, equal
    li      a0, 1
    ret
1:
    li      a0, 0
    ret

# ---- Printing -----------------------------------------------------------------------------------------

# The text at a0.
print:
    mv      t5, ra
    mv      t4, a0
1:
    lbu     a0, 0(t4)
    beqz    a0, 2f
    call    put
    addi    t4, t4, 1
    j       1b
2:
    jr      t5

# The number a0.
hexadecimal:
    mv      t5, ra
    mv      t4, a0
    li      t6, XLEN - 4
1:
    srl     a0, t4, t6
    andi    a0, a0, 15
    li      t0, 10
    bltu    a0, t0, 2f
    addi    a0, a0, 'a' - '9' - 1
2:
    addi    a0, a0, '0'
    call    put
    addi    t6, t6, -4
    bgez    t6, 1b
    jr      t5

# The character a0.
put:
    beqz    s5, 2f
1:
    lw      t0, SIFIVE_TXDATA(s4)
    bltz    t0, 1b
    sw      a0, SIFIVE_TXDATA(s4)
    ret
2:
    lbu     t0, NS16550_LSR(s4)
    andi    t0, t0, LSR_EMPTY
    beqz    t0, 2b
    sb      a0, NS16550_THR(s4)
    ret

    .section .rodata
path_chosen:     .asciz "/chosen"
name_stdout:     .asciz "stdout-path"
name_reg:        .asciz "reg"
name_compatible: .asciz "compatible"
name_type:       .asciz "device_type"
type_cpu:        .asciz "cpu"
sifive_uart:     .asciz "sifive,uart0"
finisher:        .asciz "sifive,test0"
text_hello:      .asciz "console "
text_is:         .asciz " is "
text_at:         .asciz " at 0x"
text_harts:      .asciz ", harts: "
text_end:        .asciz "\n"

    .section .bss
    .balign 16
    .skip   1024
stack_end:
