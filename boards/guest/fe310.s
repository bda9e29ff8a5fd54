# A firmware for a HiFive1: it lets each device of the FE310 raise its interrupt through the PLIC, says
# so on the serial line, and ends with a bite of the watchdog, whose reset it recognises by a backup
# register. It runs from the flash, with its stack in the data memory, in machine mode.
#
#     cargo run --release -- -M sifive_e -kernel boards/guest/fe310.elf -nographic
#
# `cargo xtask guest` assembles it. Registers are those of the FE310-G002 manual. Nothing here waits for
# ever: what does not come within two seconds of mtime is reported in a line that begins with FAIL.

    .equ STACK_TOP,     0x80004000
    .equ MTIME,         0x0200bff8
    .equ PATIENCE,      2 * 10000000        # two seconds of mtime

    .equ AON,           0x10000000
    .equ WDOGCFG,       AON + 0x000
    .equ WDOGCOUNT,     AON + 0x008
    .equ WDOGKEY,       AON + 0x01c
    .equ WDOGCMP0,      AON + 0x020
    .equ RTCCFG,        AON + 0x040
    .equ RTCCOUNTLO,    AON + 0x048
    .equ RTCCMP0,       AON + 0x060
    .equ BACKUP0,       AON + 0x080
    .equ KEY,           0x51f15e
    .equ ENALWAYS,      1 << 12
    .equ RSTEN,         1 << 8
    .equ BITTEN,        0x600dd09           # what the backup register says after the bite

    .equ HFROSCCFG,     0x10008000

    .equ GPIO,          0x10012000
    .equ INPUT_EN,      GPIO + 0x04
    .equ OUTPUT_EN,     GPIO + 0x08
    .equ OUTPUT_VAL,    GPIO + 0x0c
    .equ RISE_IE,       GPIO + 0x18
    .equ RISE_IP,       GPIO + 0x1c
    .equ IOF_EN,        GPIO + 0x38
    .equ IOF_SEL,       GPIO + 0x3c

    .equ UART_TXDATA,   0x10013000
    .equ UART_TXCTRL,   0x10013008

    .equ SPI,           0x10014000
    .equ SPI_CSMODE,    SPI + 0x18
    .equ SPI_TXDATA,    SPI + 0x48
    .equ SPI_RXDATA,    SPI + 0x4c
    .equ SPI_RXMARK,    SPI + 0x54
    .equ SPI_FCTRL,     SPI + 0x60
    .equ SPI_IE,        SPI + 0x70
    .equ CSMODE_AUTO,   0
    .equ CSMODE_HOLD,   2
    .equ RXWM,          2

    .equ PWM0,          0x10015000
    .equ PWM1,          0x10025000
    .equ PWMCFG,        0x00
    .equ PWMCMP0,       0x20
    .equ PWMCMP1,       0x24
    .equ PWM_STICKY,    1 << 8
    .equ PWM_ZEROCMP,   1 << 9
    .equ PWM_ONESHOT,   1 << 13
    .equ PWM_ALWAYS,    1 << 12

    .equ PLIC_PRIORITY, 0x0c000000
    .equ PLIC_ENABLE,   0x0c002000
    .equ PLIC_THRESHOLD, 0x0c200000
    .equ PLIC_CLAIM,    0x0c200004

    # Sources of the PLIC.
    .equ WATCHDOG,      1
    .equ RTC,           2
    .equ SPI0,          5
    .equ PIN0,          8
    .equ PWM0CMP0,      40

    .equ FLASH,         0x20000000
    .equ SECTOR,        0x00200000          # of the flash, far from this program

# Writes a device's register. Uses t0 and t1.
.macro poke address, value
    li      t0, \address
    li      t1, \value
    sw      t1, 0(t0)
.endm

# The same for the watchdog, which wants its key before each write.
.macro unlocked address, value
    poke    WDOGKEY, KEY
    poke    \address, \value
.endm

# Prints a text.
.macro print text
    .pushsection .rodata
.Ltext\@:
    .asciz  "\text"
    .popsection
    la      a0, .Ltext\@
    call    put_text
.endm

# Lets an interrupt of the PLIC come, and says so.
.macro expect source, text
    print   "\text"
    li      a0, \source
    call    wait_for
.endm

# Exchanges a byte with the flash; the answer is in a0.
.macro flash byte
    li      a0, \byte
    call    exchange
.endm

    .section .text.start, "ax"
    .globl  _start
_start:
    li      sp, STACK_TOP
    la      t0, trap
    csrw    mtvec, t0
    csrci   mstatus, 8
    csrw    mie, zero
    poke    UART_TXCTRL, 1
    poke    PLIC_THRESHOLD, 0

    # After the bite this is the second time.
    li      t0, BACKUP0
    lw      t1, 0(t0)
    li      t2, BITTEN
    bne     t1, t2, first_time
    sw      zero, 0(t0)
    print   "the watchdog has bitten: done\r\n"
    j       sleep

first_time:
    print   "FE310 guest: misa "
    csrr    a0, misa
    call    put_hex
    print   ", oscillator "
    li      t0, HFROSCCFG
    lw      a0, 0(t0)
    call    put_hex
    print   "\r\n"

    call    try_pin
    call    try_pwm
    call    try_pulse
    call    try_rtc
    call    try_watchdog
    call    try_flash

    # The last of it: a bite instead of a bark.
    poke    BACKUP0, BITTEN
    unlocked WDOGCOUNT, 0
    unlocked WDOGCFG, ENALWAYS | RSTEN
    j       sleep

sleep:
    wfi
    j       sleep

# Pin 5 is driven and looked at: it rises.
try_pin:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    INPUT_EN, 1 << 5
    poke    OUTPUT_EN, 1 << 5
    poke    RISE_IE, 1 << 5
    poke    OUTPUT_VAL, 1 << 5
    expect  PIN0 + 5, "pin 5 rises: "
    poke    RISE_IE, 0
    poke    RISE_IP, -1
    j       return

# A comparator, once.
try_pwm:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    PWM0 + PWMCMP0, 200
    poke    PWM0 + PWMCFG, PWM_ONESHOT | PWM_ZEROCMP | PWM_STICKY | 4
    expect  PWM0CMP0, "comparator 0: "
    poke    PWM0 + PWMCFG, 0
    j       return

# Comparator 1 of another modulator is function 1 of pin 19.
try_pulse:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    IOF_SEL, 1 << 19
    poke    IOF_EN, 1 << 19
    poke    INPUT_EN, 1 << 19
    poke    RISE_IE, 1 << 19
    poke    PWM1 + PWMCMP0, 20000
    poke    PWM1 + PWMCMP1, 10000
    poke    PWM1 + PWMCFG, PWM_ALWAYS | PWM_ZEROCMP
    expect  PIN0 + 19, "a pulse on pin 19: "
    poke    RISE_IE, 0
    poke    PWM1 + PWMCFG, 0
    poke    IOF_EN, 0
    j       return

# A hundred ticks of 32768 Hz.
try_rtc:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    RTCCOUNTLO, 0
    poke    RTCCMP0, 100
    poke    RTCCFG, ENALWAYS
    expect  RTC, "the clock rings: "
    poke    RTCCFG, 0
    poke    RTCCMP0, -1
    j       return

try_watchdog:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    unlocked WDOGCMP0, 100
    unlocked WDOGCFG, ENALWAYS
    expect  WATCHDOG, "the watchdog barks: "
    unlocked WDOGCFG, 0
    j       return

# The flash says what it is, with an interrupt when all has been received; then a sector is erased,
# programmed and read both ways.
try_flash:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    poke    SPI_FCTRL, 0
    poke    SPI_CSMODE, CSMODE_HOLD
    poke    SPI_RXMARK, 3
    poke    SPI_IE, RXWM
    # Four bytes that nobody takes out of the queue yet.
    li      t0, SPI_TXDATA
    li      t1, 0x9f
    sw      t1, 0(t0)
    sw      zero, 0(t0)
    sw      zero, 0(t0)
    sw      zero, 0(t0)
    expect  SPI0, "the flash answers: "
    poke    SPI_IE, 0
    poke    SPI_CSMODE, CSMODE_AUTO
    print   "the flash is "
    li      t0, SPI_RXDATA
    lw      t1, 0(t0)
    lw      a0, 0(t0)
    lw      t1, 0(t0)
    lw      t2, 0(t0)
    slli    a0, a0, 8
    or      a0, a0, t1
    slli    a0, a0, 8
    or      a0, a0, t2
    call    put_hex
    print   "\r\n"

    flash   0x06                # write enable
    call    begin
    flash   0x20                # erase the sector
    call    address
    call    end
    flash   0x06
    call    begin
    flash   0x02                # program two bytes
    call    address
    flash   0xca
    flash   0xfe
    call    end

    call    begin
    flash   0x03                # read them back
    call    address
    flash   0
    mv      s0, a0
    flash   0
    slli    s0, s0, 8
    or      s0, s0, a0
    call    end
    print   "programmed and read: "
    mv      a0, s0
    call    put_hex
    print   ", in place: "
    li      t0, FLASH + SECTOR
    lw      a0, 0(t0)
    call    put_hex
    print   "\r\n"

return:
    lw      ra, 0(sp)
    addi    sp, sp, 16
    ret

# Holds the flash's select, and lets it go.
begin:
    poke    SPI_CSMODE, CSMODE_HOLD
    ret
end:
    poke    SPI_CSMODE, CSMODE_AUTO
    ret

# The sector's address.
address:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    flash   SECTOR >> 16
    flash   SECTOR >> 8 & 0xff
    flash   SECTOR & 0xff
    j       return

# Sends a0 and takes what comes.
exchange:
    li      t0, SPI_TXDATA
    sw      a0, 0(t0)
    li      t0, SPI_RXDATA
1:  lw      a0, 0(t0)
    bltz    a0, 1b
    ret

# Enables source a0 and sleeps until it has come.
wait_for:
    addi    sp, sp, -16
    sw      ra, 0(sp)
    sw      s0, 4(sp)
    mv      s0, a0
    la      t0, last_source
    sw      zero, 0(t0)
    slli    t1, a0, 2
    li      t0, PLIC_PRIORITY
    add     t0, t0, t1
    li      t1, 1
    sw      t1, 0(t0)
    # Bit a0 % 32 of word a0 / 32.
    sll     t1, t1, a0
    srli    t2, a0, 5
    slli    t2, t2, 2
    li      t0, PLIC_ENABLE
    sw      zero, 0(t0)
    sw      zero, 4(t0)
    add     t0, t0, t2
    sw      t1, 0(t0)
    li      t0, 1 << 11
    csrw    mie, t0
    csrsi   mstatus, 8

    li      t0, MTIME
    lw      t1, 0(t0)
    li      t2, PATIENCE
1:  la      t3, last_source
    lw      a0, 0(t3)
    bnez    a0, 2f
    lw      t3, 0(t0)
    sub     t3, t3, t1
    bltu    t3, t2, 1b
    print   "FAIL: it does not come\r\n"
    j       sleep
2:  csrci   mstatus, 8
    bne     a0, s0, 3f
    print   "source "
    mv      a0, s0
    call    put_hex
    print   "\r\n"
    lw      ra, 0(sp)
    lw      s0, 4(sp)
    addi    sp, sp, 16
    ret
3:  call    put_hex
    print   " FAIL: another source\r\n"
    j       sleep

# Takes an interrupt: claims and completes it, with interrupts off from then on, since the level may
# stay: the next one that is waited for lets them in again.
    .balign 4
trap:
    addi    sp, sp, -16
    sw      t0, 0(sp)
    sw      t1, 4(sp)
    sw      t2, 8(sp)
    csrr    t0, mcause
    bgez    t0, 1f
    li      t0, PLIC_CLAIM
    lw      t1, 0(t0)
    la      t2, last_source
    sw      t1, 0(t2)
    csrw    mie, zero
    sw      t1, 0(t0)
    lw      t0, 0(sp)
    lw      t1, 4(sp)
    lw      t2, 8(sp)
    addi    sp, sp, 16
    mret
1:  print   "FAIL: mcause "
    csrr    a0, mcause
    call    put_hex
    print   ", mepc "
    csrr    a0, mepc
    call    put_hex
    print   "\r\n"
    j       sleep

# Prints the text at a0.
put_text:
    li      t0, UART_TXDATA
1:  lbu     t1, 0(a0)
    beqz    t1, 3f
2:  lw      t2, 0(t0)
    bltz    t2, 2b
    sw      t1, 0(t0)
    addi    a0, a0, 1
    j       1b
3:  ret

# Prints a0 in hexadecimal, without leading zeros.
put_hex:
    li      t0, UART_TXDATA
    li      t1, '0'
    sw      t1, 0(t0)
    li      t1, 'x'
    sw      t1, 0(t0)
    li      t2, 28
1:  srl     t1, a0, t2
    bnez    t1, 2f
    beqz    t2, 2f
    addi    t2, t2, -4
    j       1b
2:  srl     t1, a0, t2
    andi    t1, t1, 15
    addi    t1, t1, '0'
    li      t3, '9'
    bleu    t1, t3, 3f
    addi    t1, t1, 'a' - '9' - 1
3:  lw      t3, 0(t0)
    bltz    t3, 3b
    sw      t1, 0(t0)
    addi    t2, t2, -4
    bgez    t2, 2b
    ret

    .bss
    .balign 4
last_source:
    .space  4
