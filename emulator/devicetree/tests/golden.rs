//! Source and blob against `dtc`: the blobs in `data/good` were made by dtc 1.6.1 from the source
//! files of the same name, and reading the source here must give the same bytes.
#![cfg(test)]

use std::path::{Path, PathBuf};

use boardwright_devicetree::Tree;

/// The good trees: each blob with its source. The board's own default trees are among them.
fn cases() -> Vec<(PathBuf, PathBuf)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(here.join("tests/data/good")).unwrap() {
        let blob = entry.unwrap().path();
        if blob.extension().is_some_and(|extension| extension == "dtb") {
            let beside = blob.with_extension("dts");
            let name = beside.file_name().unwrap();
            let source = here.join("../machines-data").join(name);
            cases.push((blob.clone(), if beside.exists() { beside } else { source }));
        }
    }
    cases.sort();
    assert!(cases.len() >= 4, "the data has moved");
    cases
}

#[test]
fn source_compiles_to_the_bytes_of_dtc() {
    for (blob, source) in cases() {
        let tree = Tree::read(&source).unwrap_or_else(|error| panic!("{error}"));
        let expected = Tree::read(&blob).unwrap();
        assert_eq!(tree.to_source().unwrap(), expected.to_source().unwrap(), "{source:?}");
        assert_eq!(tree.to_blob().unwrap(), std::fs::read(&blob).unwrap(), "{source:?}");
    }
}

#[test]
fn blob_reads_and_writes_back() {
    for (path, _) in cases() {
        let bytes = std::fs::read(&path).unwrap();
        let tree = Tree::from_blob(&bytes).unwrap();
        assert_eq!(tree.to_blob().unwrap(), bytes, "{path:?}");
    }
}

#[test]
fn printed_source_reads_back_to_the_same_tree() {
    for (path, _) in cases() {
        let tree = Tree::read(&path).unwrap();
        let text = tree.to_source().unwrap();
        let again = Tree::from_source("printed", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, tree, "{path:?}");
    }
}

#[test]
fn printed_source_looks_like_this() {
    let source = "/dts-v1/; /memreserve/ 1 2; / { a; b = <1 2>, [00]; c = \"x\", \"y\"; n@1 { z = [00]; }; };";
    let tree = Tree::from_source("x", source).unwrap();
    let expected = "\
/dts-v1/;

/memreserve/ 0x0000000000000001 0x0000000000000002;

/ {
\ta;
\tb = [00 00 00 01 00 00 00 02 00];
\tc = \"x\", \"y\";

\tn@1 {
\t\tz = [00];
\t};
};
";
    assert_eq!(tree.to_source().unwrap(), expected);
}

#[test]
fn an_included_file_is_found_beside_the_including_one() {
    let folder = std::env::temp_dir().join(format!("boardwright-dt-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("parts")).unwrap();
    let main = folder.join("main.dts");
    // Design-flow tools write it so: the version stands in the included file.
    std::fs::write(&main, "/include/ \"parts/a.dtsi\"\n&x { b; };").unwrap();
    std::fs::write(folder.join("parts/a.dtsi"), "/dts-v1/;\n/include/ \"b.dtsi\"").unwrap();
    std::fs::write(folder.join("parts/b.dtsi"), "/ { x: x { a; }; };").unwrap();
    let x = Tree::read(&main).map(|tree| tree.root.child("x").cloned());
    std::fs::write(folder.join("parts/b.dtsi"), "/include/ \"b.dtsi\"").unwrap();
    let endless = Tree::read(&main).map_err(|error| error.to_string());
    std::fs::remove_dir_all(&folder).unwrap();
    let x = x.unwrap().unwrap();
    assert_eq!(x.properties().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(endless.unwrap_err().contains("include one another"));
}
