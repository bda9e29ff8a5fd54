/*
 * Integer work as programs do it, one kernel a function, for `cargo xtask bench`.
 *
 * A kernel does its work PASSES times and gives a check sum of one pass; the check sums stand in the
 * table at the end, so that a wrong result is a failed run. Before it ends, a run prints how many
 * instructions it has retired, as the hart counts them, to a 16550.
 *
 * Nothing here is taken from the benchmarks whose kind of work some of the kernels do: "lists" has
 * CoreMark's mixture (lists, a matrix, a state machine, a check sum), "records" has Dhrystone's
 * (records, strings, many small procedures).
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#define NOINLINE __attribute__((noinline))
#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The compiler calls these for assignments of structures. */
void *memcpy(void *to, const void *from, u64 size)
{
    u8 *out = to;
    const u8 *in = from;
    while (size--)
        *out++ = *in++;
    return to;
}

void *memset(void *to, int value, u64 size)
{
    u8 *out = to;
    while (size--)
        *out++ = (u8)value;
    return to;
}

/* A generator of numbers that every kernel may have (Marsaglia's xorshift). */
static u32 next_random(u32 *state)
{
    u32 x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* lists: sorted and reversed lists, a product of matrices, a scanner of numbers, a CRC of it all. */

struct node {
    struct node *next;
    u16 key, value;
};

static struct node nodes[256];

static u16 crc(u16 sum, u16 data)
{
    sum ^= data;
    for (int bit = 0; bit < 16; bit++)
        sum = sum & 1 ? sum >> 1 ^ 0xa001 : sum >> 1;
    return sum;
}

static NOINLINE struct node *merge(struct node *a, struct node *b)
{
    struct node head, *tail = &head;
    while (a && b) {
        struct node **least = a->key <= b->key ? &a : &b;
        tail->next = *least;
        tail = *least;
        *least = (*least)->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static NOINLINE struct node *sort_list(struct node *list)
{
    if (!list || !list->next)
        return list;
    struct node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct node *second = slow->next;
    slow->next = 0;
    return merge(sort_list(list), sort_list(second));
}

static NOINLINE struct node *reverse(struct node *list)
{
    struct node *done = 0;
    while (list) {
        struct node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

enum { SIDE = 24 };
static short left[SIDE][SIDE], right[SIDE][SIDE];
static int product[SIDE][SIDE];

static NOINLINE u16 multiply(u16 sum)
{
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            int cell = 0;
            for (int k = 0; k < SIDE; k++)
                cell += left[row][k] * right[k][column];
            product[row][column] = cell;
        }
    for (int row = 0; row < SIDE; row++)
        sum = crc(sum, (u16)product[row][row]);
    return sum;
}

/* Counts integers, fractions, exponents and what is none of them in a text. */
static NOINLINE u16 scan(const char *text, u16 sum)
{
    enum { START, INTEGER, FRACTION, EXPONENT, WRONG, STATES } state = START;
    u16 counts[STATES] = { 0 };
    for (; *text; text++) {
        char c = *text;
        if (c == ' ') {
            counts[state]++;
            state = START;
            continue;
        }
        switch (state) {
        case START:
            state = c == '-' || (c >= '0' && c <= '9') ? INTEGER : c == '.' ? FRACTION : WRONG;
            break;
        case INTEGER:
            if (c == '.')
                state = FRACTION;
            else if (c == 'e')
                state = EXPONENT;
            else if (c < '0' || c > '9')
                state = WRONG;
            break;
        case FRACTION:
            if (c == 'e')
                state = EXPONENT;
            else if (c < '0' || c > '9')
                state = WRONG;
            break;
        case EXPONENT:
            if (c != '-' && (c < '0' || c > '9'))
                state = WRONG;
            break;
        default:
            break;
        }
    }
    for (u64 i = 0; i < STATES; i++)
        sum = crc(sum, counts[i]);
    return sum;
}

static u64 lists(void)
{
    u32 random = 1;
    for (u64 i = 0; i < LEN(nodes); i++) {
        nodes[i].next = i + 1 < LEN(nodes) ? &nodes[i + 1] : 0;
        nodes[i].key = (u16)next_random(&random);
        nodes[i].value = (u16)i;
    }
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            left[row][column] = (short)(row * 3 - column);
            right[row][column] = (short)(column * 5 - row);
        }
    u16 sum = 0;
    struct node *list = reverse(sort_list(nodes));
    for (struct node *node = list; node; node = node->next)
        sum = crc(sum, node->value);
    for (int i = 0; i < 8; i++)
        sum = scan("12 -7 3.25 1e9 x9 .5 6.02e-23 77 4..1 end -0 1234567890 9e9e9 ", sum);
    return multiply(sum);
}

/* records: structures copied and compared, strings, procedures that do little. */

struct record {
    struct record *other;
    int kind, number;
    char name[32];
};

static struct record records[2];
static int table[64];

static NOINLINE int compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a - *b;
}

static NOINLINE void copy(char *to, const char *from)
{
    while ((*to++ = *from++))
        ;
}

static NOINLINE int classify(int value)
{
    switch (value & 3) {
    case 0: return 2;
    case 1: return value > 100 ? 0 : 3;
    case 2: return 1;
    default: return value;
    }
}

static NOINLINE void step(struct record *record)
{
    struct record *other = record->other;
    *other = *record;
    other->other = record;
    other->number = record->number + 5;
    if (classify(other->number) == 1)
        other->kind = classify(record->kind);
    else
        *record = *other;
    record->other = other;
}

static NOINLINE void fill(int at, int value)
{
    table[at & 63] = value;
    table[(at + 1) & 63] = table[at & 63];
    for (int i = at; i <= at + 1; i++)
        table[(i + 30) & 63] = at;
    table[(at + 20) & 63] += 1;
}

static u64 work_on_records(void)
{
    u64 sum = 0;
    records[0] = (struct record){ &records[1], 1, 40, "the first of two strings here" };
    memset(table, 0, sizeof table);
    for (int round = 0; round < 200; round++) {
        char text[32];
        copy(text, round & 1 ? "the first of two strings here" : "the first of two strings, no");
        step(&records[0]);
        if (compare(text, records[0].name) > 0)
            records[0].kind = classify(round);
        fill(round, records[0].number);
        sum += (u64)(records[0].kind + table[round & 63] * 3 / (1 + (round & 7)));
    }
    return sum;
}

/* sieve: the primes below 64 Ki. */

static u8 composite[65536];

static u64 sieve(void)
{
    u64 primes = 0;
    memset(composite, 0, sizeof composite);
    for (u64 n = 2; n < LEN(composite); n++) {
        if (composite[n])
            continue;
        primes++;
        for (u64 multiple = n * n; multiple < LEN(composite); multiple += n)
            composite[multiple] = 1;
    }
    return primes;
}

/* calls: procedures that call themselves (Takeuchi's function and Fibonacci's numbers). */

static NOINLINE int tak(int x, int y, int z)
{
    return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static NOINLINE u64 fibonacci(u64 n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static u64 calls(void)
{
    return (u64)tak(14, 8, 2) + fibonacci(18);
}

/* sort: quicksort of 4 Ki numbers, with insertion for the short rest. */

static u32 numbers[4096];

static NOINLINE void quicksort(u32 *first, u32 *last)
{
    while (last - first > 12) {
        u32 pivot = first[(last - first) / 2];
        u32 *low = first, *high = last;
        while (low <= high) {
            while (*low < pivot)
                low++;
            while (*high > pivot)
                high--;
            if (low <= high) {
                u32 number = *low;
                *low++ = *high;
                *high-- = number;
            }
        }
        quicksort(first, high);
        first = low;
    }
    for (u32 *at = first + 1; at <= last; at++) {
        u32 number = *at, *hole = at;
        for (; hole > first && hole[-1] > number; hole--)
            *hole = hole[-1];
        *hole = number;
    }
}

static u64 sort(void)
{
    u32 random = 7;
    for (u64 i = 0; i < LEN(numbers); i++)
        numbers[i] = next_random(&random);
    quicksort(numbers, numbers + LEN(numbers) - 1);
    u64 sum = 0;
    for (u64 i = 1; i < LEN(numbers); i++)
        sum += numbers[i - 1] <= numbers[i] ? i ^ numbers[i] : 1ul << 40;
    return sum;
}

/* hash: words counted in a table with open addressing, keys mixed by multiplication. */

static struct slot {
    u64 key, count;
} slots[4096];

static u64 mix(u64 key)
{
    key ^= key >> 31;
    key *= 0x7fb5d329728ea185;
    key ^= key >> 27;
    key *= 0x81dadef4bc2dd44d;
    return key ^ key >> 33;
}

static u64 hash(void)
{
    u32 random = 99;
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < 8192; i++) {
        u64 key = 1 + next_random(&random) % 3000;
        u64 at = mix(key) % LEN(slots);
        while (slots[at].key && slots[at].key != key)
            at = (at + 1) % LEN(slots);
        slots[at].key = key;
        slots[at].count++;
    }
    u64 sum = 0;
    for (u64 i = 0; i < LEN(slots); i++)
        sum = sum * 31 + slots[i].count * slots[i].key;
    return sum;
}

/* bytecode: a stack machine that runs a program of its own, by a table of jumps. */

enum code { PUSH, LOAD, STORE, ADD, SUB, MUL, LESS, JUMP, UNLESS, END };

/* sum = 0; for (i = 0; i < 1500; i++) sum = sum * 3 + i - (sum < i); */
static const u16 program[] = {
    PUSH, 0, STORE, 1, PUSH, 0, STORE, 0,
    /* 8 */ LOAD, 0, PUSH, 1500, LESS, UNLESS, 41,
    LOAD, 1, PUSH, 3, MUL, LOAD, 0, ADD, LOAD, 1, LOAD, 0, LESS, SUB, STORE, 1,
    LOAD, 0, PUSH, 1, ADD, STORE, 0, JUMP, 8, END,
    /* 41 */ END,
};

static NOINLINE u64 interpret(const u16 *code)
{
    u64 stack[16], variables[2] = { 0, 0 }, *top = stack;
    for (const u16 *at = code;;) {
        switch ((enum code)*at++) {
        case PUSH: *top++ = *at++; break;
        case LOAD: *top++ = variables[*at++]; break;
        case STORE: variables[*at++] = *--top; break;
        case ADD: top--; top[-1] += *top; break;
        case SUB: top--; top[-1] -= *top; break;
        case MUL: top--; top[-1] *= *top; break;
        case LESS: top--; top[-1] = top[-1] < *top; break;
        case JUMP: at = code + *at; break;
        case UNLESS: at = *--top ? at + 1 : code + *at; break;
        case END: return variables[1];
        }
    }
}

static u64 bytecode(void)
{
    return interpret(program);
}

/* The kernel that this program was compiled for, and what a pass of it gives. */

static const struct {
    const char *name;
    u64 (*run)(void);
    u64 sum;
} kernels[] = {
    { "lists", lists, 0x6f23 },
    { "records", work_on_records, 0x24b8 },
    { "sieve", sieve, 6542 },
    { "calls", calls, 0xa1b },
    { "sort", sort, 0x801cf2fc67e },
    { "hash", hash, 0xacedde65a608c12a },
    { "bytecode", bytecode, 0xa45554da3e4c5d31 },
};

static void print(u64 number)
{
    volatile u8 *uart = (volatile u8 *)0x10000000;
    char digits[21];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count--)
        *uart = (u8)digits[count];
    *uart = '\n';
}

int kernel_main(void)
{
    u64 begin, end, wrong = 0;
    __asm__ volatile("csrr %0, minstret" : "=r"(begin));
    for (u64 pass = 0; pass < PASSES; pass++)
        wrong |= kernels[KERNEL].run() ^ kernels[KERNEL].sum;
    __asm__ volatile("csrr %0, minstret" : "=r"(end));
    print(end - begin);
    return wrong != 0;
}
