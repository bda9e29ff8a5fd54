# Integer work to measure: the sieve of Eratosthenes over 64 Ki bytes, PASSES times, on hart 0 in
# machine mode. It checks its own result and ends the run through the test finisher.
#
# `cargo xtask bench` assembles it with PASSES and counts its instructions (sieve.rs, `instructions`):
# the loops here and there are the same.

    .equ FINISHER, 0x00100000
    .equ PASS,     0x5555
    .equ FAIL,     0x13333          # status 1
    .equ FLAGS,    0x80100000
    .equ COUNT,    65536            # a flag a number, 1 for a prime
    .equ PRIMES,   6542             # below COUNT

    .globl _start
_start:
    csrr    t0, mhartid
    bnez    t0, halt
    li      s0, PASSES
    li      s1, FLAGS
    li      s2, COUNT
    add     s3, s1, s2              # end of the flags
    li      a0, PRIMES              # what no pass at all "finds"
    li      a1, PRIMES

pass:
    beqz    s0, done
    addi    s0, s0, -1

    # Eight flags at a time become 1.
    li      t0, 0x0101010101010101
    mv      t1, s1
fill:
    sd      t0, 0(t1)
    addi    t1, t1, 8
    bltu    t1, s3, fill

    li      a0, 0                   # primes so far
    li      t2, 2                   # the number
number:
    add     t3, s1, t2
    lbu     t4, 0(t3)
    beqz    t4, next
    addi    a0, a0, 1
    mul     t5, t2, t2
    bgeu    t5, s2, next            # its multiples are crossed out already
    add     t5, s1, t5
cross:
    sb      zero, 0(t5)
    add     t5, t5, t2
    bltu    t5, s3, cross
next:
    addi    t2, t2, 1
    bltu    t2, s2, number
    j       pass

done:
    li      t0, FINISHER
    li      t1, PASS
    beq     a0, a1, end
    li      t1, FAIL
end:
    sw      t1, 0(t0)
halt:
    wfi
    j       halt
