//! The substitution boxes of AES and SM4, computed from what defines them: inversion in a field of
//! 256 elements between affine maps (FIPS 197, section 5.1.1; GB/T 32907, whose table has the same
//! structure with another polynomial).

/// A product in the field of a polynomial.
pub(super) const fn product(a: u8, b: u8, polynomial: u16) -> u8 {
    let (mut a, mut sum, mut n) = (a as u16, 0, 0);
    while n < 8 {
        if b >> n & 1 != 0 {
            sum ^= a;
        }
        a <<= 1;
        if a & 0x100 != 0 {
            a ^= polynomial;
        }
        n += 1;
    }
    sum as u8
}

/// The inverse in the field, and zero of zero: the power 254.
const fn inverse(a: u8, polynomial: u16) -> u8 {
    let (mut power, mut n) = (1, 0);
    while n < 7 {
        power = product(product(power, power, polynomial), a, polynomial);
        n += 1;
    }
    product(power, power, polynomial)
}

/// A linear map whose matrix has a row and its rotations, and the constant that follows.
const fn affine(x: u8, row: u8, constant: u8) -> u8 {
    let (mut y, mut n) = (constant, 0);
    while n < 8 {
        y ^= ((row.rotate_left(n) & x).count_ones() as u8 & 1) << n;
        n += 1;
    }
    y
}

/// The polynomial of AES.
pub(super) const AES: u16 = 0x11b;
const AES_ROW: u8 = 0xf1;
const AES_CONSTANT: u8 = 0x63;

/// The polynomial of SM4.
const SM4: u16 = 0x1f5;
const SM4_ROW: u8 = 0xa7;
const SM4_CONSTANT: u8 = 0xd3;

/// What AES substitutes in encryption.
pub(super) static AES_FORWARD: [u8; 256] = forward();
/// And in decryption.
pub(super) static AES_BACKWARD: [u8; 256] = backward();
/// What SM4 substitutes.
pub(super) static SM4_BOX: [u8; 256] = sm4();

const fn forward() -> [u8; 256] {
    let (mut table, mut x) = ([0; 256], 0);
    while x < 256 {
        table[x] = affine(inverse(x as u8, AES), AES_ROW, AES_CONSTANT);
        x += 1;
    }
    table
}

const fn backward() -> [u8; 256] {
    let (forward, mut table, mut x) = (forward(), [0; 256], 0);
    while x < 256 {
        table[forward[x] as usize] = x as u8;
        x += 1;
    }
    table
}

const fn sm4() -> [u8; 256] {
    let (mut table, mut x) = ([0; 256], 0);
    while x < 256 {
        let before = affine(x as u8, SM4_ROW, SM4_CONSTANT);
        table[x] = affine(inverse(before, SM4), SM4_ROW, SM4_CONSTANT);
        x += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The corners of the tables in the standards.
    #[test]
    fn the_boxes_are_those_of_the_standards() {
        for (table, first, last) in [
            (&AES_FORWARD, [0x63, 0x7c, 0x77, 0x7b], [0xb0, 0x54, 0xbb, 0x16]),
            (&AES_BACKWARD, [0x52, 0x09, 0x6a, 0xd5], [0x55, 0x21, 0x0c, 0x7d]),
            (&SM4_BOX, [0xd6, 0x90, 0xe9, 0xfe], [0xd7, 0xcb, 0x39, 0x48]),
        ] {
            assert_eq!((&table[..4], &table[252..]), (&first[..], &last[..]));
            let mut seen: Vec<u8> = table.to_vec();
            seen.sort_unstable();
            assert!((0..=255).eq(seen), "a box is a permutation");
        }
    }
}
