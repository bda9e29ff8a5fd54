//! What a tree means: addresses, interrupts, paths and their errors.
#![cfg(test)]

use boardwright_devicetree::{Node, NodeRef, Tree};

fn bridges() -> Tree {
    Tree::from_source("bridges.dts", include_str!("data/good/bridges.dts")).unwrap()
}

fn at<'t>(tree: &'t Tree, path: &str) -> NodeRef<'t> {
    tree.find(path).unwrap_or_else(|| panic!("no node at {path}"))
}

/// A small tree: the properties of the root, then the body of one child `n`.
fn child(properties: &str, body: &str) -> Tree {
    let text = format!("/dts-v1/; / {{ {properties} n@0 {{ {body} }}; }};");
    Tree::from_source("x", &text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn registers_are_where_the_hart_sees_them() {
    let tree = bridges();
    for (path, expected) in [
        ("/plic", "0xc000000+0x4000000"),
        ("/bus@40000000/high@80000100", "0x100000100+0x10"),
        ("/bus@40000000/bridge@1000/uart@20", "0x40001020+0x10 0x40001080+0x80"),
        ("/bus/spi", "0x40002000+0x100"),
        ("/chosen", ""),
        (
            "/bus@40000000/outside@20000",
            "/bus@40000000/outside@20000: property `reg` has 0x20000..0x20010, which no entry of \
             `ranges` of `/bus@40000000` covers",
        ),
        (
            "/bus@40000000/spi@2000/flash@1",
            "/bus@40000000/spi@2000/flash@1: property `reg` cannot be translated: \
             `/bus@40000000/spi@2000` has no `ranges`",
        ),
        (
            "/cpus/cpu@7",
            "/cpus/cpu@7: property `reg` cannot be translated: `/cpus` has no `ranges`",
        ),
    ] {
        let found = match at(&tree, path).reg() {
            Ok(regions) => {
                let parts: Vec<_> =
                    regions.iter().map(|r| format!("{:#x}+{:#x}", r.address, r.size)).collect();
                parts.join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }
    assert_eq!(at(&tree, "/cpus/cpu").local_reg().unwrap()[0].address, 7);
}

#[test]
fn odd_registers_are_refused() {
    for (properties, body, expected) in [
        ("", "reg = <1 2>;", "`reg` has 8 bytes, expected entries of 2 + 1 cells"),
        ("", "reg = [00 01];", "`reg` has 2 bytes, expected a multiple of 4"),
        (
            "#address-cells = <3>;",
            "reg = <1 2 3 4>;",
            "`reg` has a number of 3 cells that does not fit 64 bits",
        ),
        ("#address-cells = <100>;", "reg = <1>;", "`#address-cells` is 100, expected at most 8"),
        ("#size-cells;", "reg = <1>;", "`#size-cells` has 0 bytes, expected one cell (4)"),
        (
            "#address-cells = <0>; #size-cells = <0>;",
            "reg = <1>;",
            "`reg` has 4 bytes, expected entries of 0 + 0 cells",
        ),
    ] {
        let tree = child(properties, body);
        let error = at(&tree, "/n").reg().unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let tree = child("#address-cells = <3>;", "reg = <0 0 3 4>;");
    assert_eq!(at(&tree, "/n").reg().unwrap()[0].address, 3);
}

#[test]
fn interrupts_find_their_controller() {
    let tree = bridges();
    for (path, expected) in [
        ("/bus/high", "/plic [3, 1]; /plic [4, 0]"),
        ("/bus/bridge/uart", "/plic [5, 4]"),
        ("/bus/spi/flash", "/bus@40000000/spi@2000 [8]"),
        ("/plic", "/cpus/cpu@7/interrupt-controller [11]; /cpus/cpu@7/interrupt-controller [9]"),
        ("/chosen", ""),
        (
            "/bus/outside",
            "/bus@40000000/outside@20000: property `interrupts` ends within an entry: 1 cells \
             left, `/plic` takes 2",
        ),
    ] {
        let found = match at(&tree, path).interrupts(&tree.phandles()) {
            Ok(list) => {
                let parts: Vec<_> =
                    list.iter().map(|i| format!("{} {:?}", i.controller.path(), i.cells)).collect();
                parts.join("; ")
            }
            Err(error) => error.to_string(),
        };
        // The plic's own `path` is short, its name has a unit address.
        assert_eq!(found.replace("/plic@c000000", "/plic"), expected);
    }
}

/// A node at unit address 2 that asks a nexus for interrupt 1, with the nexus's properties, and
/// where the interrupt goes.
const NEXUSES: &[(&str, &str)] = &[
    ("interrupt-map = <2 1 &a 7>, <3 1 &a 8>;", "/a [7]"),
    ("interrupt-map = <2 2 &a 7>, <2 1 &b 0x100 8 4>;", "/b [8, 4]"),
    ("interrupt-map = <0 1 &a 9>; interrupt-map-mask = <0 7>;", "/a [9]"),
    ("interrupt-map = <2 1 &c 1 5>;", "/a [6]"),
    (
        "interrupt-map = <3 1 &a 7>;",
        "/nexus/n@2: property `interrupts` has [1], which no entry of `interrupt-map` of `/nexus` is about",
    ),
    (
        "interrupt-map;",
        "/nexus/n@2: property `interrupts` has [1], which no entry of `interrupt-map` of `/nexus` is about",
    ),
    (
        "interrupt-map = <2 1 &a>;",
        "/nexus: property `interrupt-map` ends within an entry: 0 cells left, `/nexus` takes 1",
    ),
    (
        "interrupt-map = <2 1 99 1>;",
        "/nexus: property `interrupt-map` refers to phandle 0x63, which no node has",
    ),
    (
        "interrupt-map = <2 1 &{/nexus} 2 1>;",
        "/nexus/n@2: property `interrupts` leads through more than 16 nexuses: their `interrupt-map`s form a circle",
    ),
];

#[test]
fn interrupts_go_through_nexuses() {
    for (map, expected) in NEXUSES {
        let text = format!(
            "/dts-v1/; / {{
                a: a {{ #interrupt-cells = <1>; }};
                b: b {{ #interrupt-cells = <2>; #address-cells = <1>; }};
                c: c {{ #interrupt-cells = <1>; #address-cells = <1>; interrupt-map = <1 5 &a 6>; }};
                nexus {{ #interrupt-cells = <1>; #address-cells = <1>; #size-cells = <0>; {map}
                    n@2 {{ reg = <2>; interrupts = <1>; }}; }};
            }};"
        );
        let tree = Tree::from_source("nexus.dts", &text).unwrap();
        let found = match at(&tree, "/nexus/n@2").interrupts(&tree.phandles()) {
            Ok(list) => format!("{} {:?}", list[0].controller.path(), list[0].cells),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, *expected, "{map}");
    }
}

#[test]
fn dangling_interrupts_are_reported() {
    for (properties, body, expected) in [
        ("", "interrupts = <1>;", "has no interrupt controller"),
        ("interrupt-parent = <9>;", "interrupts = <1>;", "refers to phandle 0x9"),
        ("", "interrupts-extended = <9 1>;", "refers to phandle 0x9, which no node has"),
        ("", "interrupts-extended = <&{/} 1>;", "leads to `/`, which has no `#interrupt-cells`"),
        (
            "#interrupt-cells = <2>;",
            "interrupts-extended = <&{/} 1 2 &{/} 1>;",
            "ends within an entry: 1 cells left, `/` takes 2",
        ),
    ] {
        let tree = child(properties, body);
        let error = at(&tree, "/n").interrupts(&tree.phandles()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // The extended form wins, as the specification says.
    let tree =
        child("#interrupt-cells = <1>;", "interrupts = <1>; interrupts-extended = <&{/} 2>;");
    assert_eq!(at(&tree, "/n").interrupts(&tree.phandles()).unwrap()[0].cells, [2]);
}

#[test]
fn paths_aliases_and_names() {
    let tree = bridges();
    let uart = "/bus@40000000/bridge@1000/uart@20";
    assert_eq!(at(&tree, "console").path(), uart);
    assert_eq!(tree.stdout().unwrap().path(), uart);
    assert_eq!(tree.aliases().unwrap(), [("console", uart)]);
    assert_eq!(at(&tree, "/").path(), "/");
    assert_eq!(at(&tree, uart).parent().unwrap().path(), "/bus@40000000/bridge@1000");
    assert_eq!(
        (at(&tree, uart).node().base_name(), at(&tree, uart).node().unit_address()),
        ("uart", Some("20"))
    );
    assert!(tree.find("/nowhere").is_none() && tree.find("nowhere").is_none());
    assert_eq!(tree.compatible("simple-bus").count(), 2);

    // A base name is enough where it leaves no doubt.
    let two = Node::root().with_child(Node::new("a@1")).with_child(Node::new("a@2"));
    let two = Tree::new(two.with_child(Node::new("b@1")));
    assert!(two.find("/a").is_none() && two.find("/b").is_some() && two.find("/a@2").is_some());
}

#[test]
fn values_and_their_errors() {
    let tree =
        child("", "one = <1>; two = <1 2>; text = \"a\"; texts = \"a\", \"\"; odd = [01]; no;");
    let n = at(&tree, "/n");
    let get = |name| n.require(name).unwrap();
    assert_eq!(get("one").u32(), Ok(1));
    assert_eq!((get("one").u64(), get("two").u64()), (Ok(1), Ok(0x1_0000_0002)));
    assert_eq!(get("two").u32s(), Ok(vec![1, 2]));
    assert_eq!((get("text").str(), get("texts").strings()), (Ok("a"), Ok(vec!["a", ""])));
    for (error, expected) in [
        (get("two").u32().unwrap_err(), "/n@0: property `two` has 8 bytes, expected one cell (4)"),
        (get("odd").u64().unwrap_err(), "/n@0: property `odd` has 1 bytes, expected one or two"),
        (get("texts").str().unwrap_err(), "/n@0: property `texts` has 2 strings, expected one"),
        (get("odd").str().unwrap_err(), "/n@0: property `odd` is not a zero-terminated text"),
        (get("no").strings().unwrap_err(), "/n@0: property `no` is not a zero-terminated text"),
        (n.require("nothing").unwrap_err(), "/n@0: property `nothing` is missing"),
    ] {
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn phandles_are_given_once() {
    let mut tree = bridges();
    let plic = at(&tree, "/plic").phandle().unwrap();
    assert_eq!(tree.by_phandle(plic).unwrap().name(), "plic@c000000");
    assert_eq!(tree.assign_phandle("/plic"), Some(plic));
    let next = tree.next_phandle();
    assert_eq!(tree.assign_phandle("/bus/spi/flash"), Some(next));
    assert_eq!(tree.by_phandle(next).unwrap().name(), "flash@1");
    assert_eq!(tree.assign_phandle("/nowhere"), None);
    tree.root.set("phandle", 0xffff_fffe_u32.to_be_bytes());
    assert!(tree.by_phandle(tree.next_phandle()).is_none());
}
