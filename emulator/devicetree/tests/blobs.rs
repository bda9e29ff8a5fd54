//! Blobs that are not what they should be: cut, damaged, or made wrong on purpose.
#![cfg(test)]

use boardwright_devicetree::{MAX_DEPTH, Node, Reservation, Tree};

const TOUR: &[u8] = include_bytes!("data/good/tour.dtb");

/// A generator that is the same everywhere, so that a failure can be seen again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn every_truncation_is_refused() {
    for end in 0..TOUR.len() {
        let error = Tree::from_blob(&TOUR[..end]).unwrap_err();
        assert!(error.offset < TOUR.len(), "{error}");
    }
    let longer = [TOUR, &[0xff; 64]].concat();
    assert_eq!(Tree::from_blob(&longer), Tree::from_blob(TOUR));
}

/// A file that never ends, or has more than any tree, is not read to its end.
#[test]
fn what_is_too_large_is_refused_early() {
    let error = Tree::read("/dev/zero").unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("more than 16 MiB"), "{error}: {cause}");
}

#[test]
fn damage_gives_an_error_or_a_tree_that_can_be_used() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..10_000 {
        let mut blob = TOUR.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(blob.len());
            // Small values are the ones that turn into other tokens, lengths and offsets.
            blob[at] = match random.below(3) {
                0 => blob[at] ^ (1 << random.below(8)),
                1 => random.below(16) as u8,
                _ => random.below(256) as u8,
            };
        }
        match Tree::from_blob(&blob) {
            Ok(tree) => {
                good += 1;
                use_everything(&tree);
            }
            Err(error) => {
                bad += 1;
                assert!(error.offset <= blob.len());
                assert!(error.to_string().starts_with("byte 0x"));
            }
        }
    }
    assert!(good > 500 && bad > 500, "{good} good, {bad} bad: the damage is one-sided");
}

/// Asks a tree everything it can be asked. What it answers does not matter, that it does matters.
fn use_everything(tree: &Tree) {
    let phandles = tree.phandles();
    for node in tree.walk() {
        let _ = (node.reg(), node.local_reg());
        let _ = (node.interrupts(&phandles), node.interrupt_parent(&phandles));
        for property in node.properties() {
            let _ = (property.u32s(), property.u64(), property.strings(), property.str());
        }
        assert_eq!(tree.find(&node.path()), Some(node));
    }
    let _ = (tree.stdout(), tree.aliases());
    let blob = tree.to_blob().unwrap();
    assert_eq!(Tree::from_blob(&blob).as_ref(), Ok(tree));
    let text = tree.to_source().unwrap();
    let again = Tree::from_source("again", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((again.root, again.reservations), (tree.root.clone(), tree.reservations.clone()));
}

/// A blob put together word by word, to be wrong in one way.
fn blob(structure: &[u32], strings: &[u8]) -> Vec<u8> {
    let structure_at = 40 + 16;
    let strings_at = structure_at + structure.len() * 4;
    let total = strings_at + strings.len();
    let header = [
        0xd00d_feed,
        total as u32,
        structure_at as u32,
        strings_at as u32,
        40,
        17,
        16,
        0,
        strings.len() as u32,
        structure.len() as u32 * 4,
    ];
    let words = header.iter().chain(&[0; 4]).chain(structure);
    words.flat_map(|word| word.to_be_bytes()).chain(strings.iter().copied()).collect()
}

#[test]
fn errors_say_where_and_what() {
    const A: u32 = 0x6100_0000;
    let header = |at: usize, value: u32| {
        let mut bytes = TOUR.to_vec();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    let cases: [(Vec<u8>, &str); 17] = [
        (b"nope".to_vec(), "byte 0x0: expected the magic number 0xd00dfeed, found 0x6e6f7065"),
        (vec![0xd0], "byte 0x0: expected the magic number 0xd00dfeed, found the end at 0x1"),
        (header(4, 10), "byte 0x4: expected a total size from 0x28 to"),
        (header(8, 0x39), "byte 0x8: expected the offset of the structure block, a multiple of 4"),
        (header(12, u32::MAX), "byte 0xc: expected the offset of the strings block"),
        (header(16, 4), "byte 0x10: expected the offset of the memory reservation block"),
        (header(20, 3), "byte 0x14: expected version 16 or later, found 3"),
        (header(24, 18), "byte 0x18: expected compatibility with version 17, found version 18"),
        (header(36, u32::MAX), "byte 0x24: expected a size of the structure block of at most"),
        (blob(&[3], b""), "byte 0x38: expected the start of the root node (1), found token 0x3"),
        (blob(&[1, 0, 9], b""), "byte 0x40: expected the end of 1 open nodes"),
        (blob(&[1, 0, 7], b""), "byte 0x40: expected a token (1, 2, 3, 4 or 9), found 0x7"),
        (blob(&[1, 0, 2], b""), "byte 0x44: expected the end of the tree (9), found the end at"),
        (blob(&[1, 0, 3, 99, 0, 2, 9], b"a\0"), "byte 0x44: expected a property of at most 0x8"),
        (blob(&[1, 0, 3, 0, 5, 2, 9], b"a\0"), "byte 0x48: expected a name's offset below 0x2"),
        (
            blob(&[1, 0, 3, 0, 0, 3, 0, 0, 2, 9], b"a\0"),
            "byte 0x54: expected a new property name, found a second `a`",
        ),
        (
            blob(&[1, 0, 1, A, 2, 1, A, 2, 2, 9], b""),
            "byte 0x50: expected a new node name, found a second `a`",
        ),
    ];
    for (bytes, expected) in cases {
        let error = Tree::from_blob(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(expected), "expected {expected}\nfound    {error}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let mut words = vec![1, 0];
        words.extend([1, 0x6100_0000].repeat(depth - 1));
        words.extend(vec![2; depth]);
        words.push(9);
        Tree::from_blob(&blob(&words, b""))
    };
    assert!(nested(MAX_DEPTH).is_ok());
    assert!(nested(MAX_DEPTH + 1).unwrap_err().to_string().contains("at most 64 nested nodes"));
    assert!(nested(1_000_000).is_err());
}

#[test]
fn a_small_blob_cannot_grow_into_a_large_tree() {
    // Every property shares one long name: refused for its length, before it is copied.
    let mut words = vec![1, 0];
    words.extend([3, 0, 0].repeat(100_000));
    words.extend([2, 9]);
    let name = [vec![b'a'; 1_000_000], vec![0]].concat();
    let error = Tree::from_blob(&blob(&words, &name)).unwrap_err().to_string();
    assert!(error.contains("at most 255 bytes"), "{error}");
}

#[test]
fn version_16_and_nops_are_read() {
    let mut bytes = blob(&[4, 1, 0, 4, 3, 1, 0, 0x7700_0000, 4, 2, 4, 9], b"a\0");
    bytes[20..24].copy_from_slice(&16_u32.to_be_bytes());
    let tree = Tree::from_blob(&bytes).unwrap();
    assert_eq!(tree.root, Node::root().with_bytes("a", [0x77]));
}

#[test]
fn what_a_blob_cannot_carry_is_refused() {
    let root = |child| Tree::new(Node::root().with_child(child));
    let twins = Tree::new(Node::root().with_child(Node::new("a")).with_child(Node::new("a")));
    let mut empty = Tree::default();
    empty.reservations.push(Reservation { address: 0, size: 0 });
    let deep = (0..MAX_DEPTH).fold(Node::new("a"), |node, _| Node::new("a").with_child(node));
    for (tree, expected) in [
        (root(Node::new("a b")), "/: `a b` cannot be the name of a node"),
        (root(Node::new("a").with_flag("")), "/a: `` cannot be the name of a property"),
        (root(Node::new("a").with_flag("b/c")), "/a: `b/c` cannot be the name of a property"),
        (Tree::new(Node::new("x")), "/: `x` cannot be the name of a root node"),
        (twins, "/: two children are named `a`"),
        (empty, "memory reservation 0 is empty, at address 0"),
        (root(deep), "/a/a"),
    ] {
        for error in [tree.to_blob().unwrap_err(), tree.to_source().unwrap_err()] {
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}

#[test]
fn what_only_a_blob_carries_survives() {
    let mut tree = Tree::new(Node::root().with_u64("a", 1 << 40));
    tree.boot_cpu = 3;
    tree.reservations = vec![Reservation { address: 1 << 40, size: 16 }];
    assert_eq!(Tree::from_blob(&tree.to_blob().unwrap()).unwrap(), tree);
}
