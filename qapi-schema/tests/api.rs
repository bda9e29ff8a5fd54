//! What a program that uses the crate sees: the model, the errors, the files that were read.
#![expect(clippy::expect_used, reason = "helpers of tests may fail as tests may")]

use std::fs;
use std::path::{Path, PathBuf};

use qapi_schema::model::{DocBlock, Item, Kind, ObjectMeta, SectionKind};
use qapi_schema::{Diagnostics, Schema};

/// Writes the files of a test and loads the first.
fn load(test: &str, files: &[(&str, &[u8])]) -> (PathBuf, Result<Schema, Diagnostics>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api").join(test);
    fs::create_dir_all(&directory).expect("a directory");
    for (name, text) in files {
        fs::write(directory.join(name), text).expect("a file");
    }
    let root = directory.join(files.first().expect("a root").0);
    (directory, qapi_schema::load(&root))
}

fn schema(test: &str, text: &str) -> Schema {
    load(test, &[("schema.json", text.as_bytes())]).1.expect("a right schema")
}

fn error(test: &str, text: &[u8]) -> String {
    let (directory, loaded) = load(test, &[("schema.json", text)]);
    let text = loaded.expect_err("a wrong schema").qemu();
    text.replace(&format!("{}/", directory.display()), "")
}

#[test]
fn newline_conventions() {
    let expected = "schema.json:3:3: stray ';'";
    assert_eq!(error("lf", b"# a\n{ 'command': 'halt' }\n  ;\n"), expected);
    assert_eq!(error("crlf", b"# a\r\n{ 'command': 'halt' }\r\n  ;\r\n"), expected);
    assert_eq!(error("cr", b"# a\r{ 'command': 'halt' }\r  ;"), expected);
}

#[test]
fn text_that_is_not_utf8() {
    let expected = "schema.json:2:6: file is not valid UTF-8";
    assert_eq!(error("utf8", b"# a\r\n# \xC3\xBC b\xFF\n"), expected);
}

#[test]
fn root_that_cannot_be_read() {
    let errors = qapi_schema::load(Path::new("nowhere.json")).expect_err("no such file");
    let expected = "can't read schema file 'nowhere.json': No such file or directory";
    assert_eq!(errors.qemu(), expected);
    assert_eq!(errors.files().count(), 0);
    assert_eq!(errors.to_string(), format!("error: {expected}\n\nschema not accepted: 1 error"));
}

#[test]
fn files_are_known_in_success_and_failure() {
    let root = b"{ 'include': 'a.json' }\n{ 'include': 'b.json' }\n";
    let files: &[(&str, &[u8])] =
        &[("schema.json", root), ("a.json", b""), ("b.json", b"{ 'include': 'a.json' }")];
    let (directory, loaded) = load("files", files);
    let schema = loaded.expect("a right schema");
    let names: Vec<&Path> = schema.files.iter().map(|file| file.path.as_path()).collect();
    let expected = ["schema.json", "a.json", "b.json"].map(|name| directory.join(name));
    assert_eq!(names, expected);

    let files: &[(&str, &[u8])] = &[("schema.json", root), ("a.json", b"?"), ("b.json", b"")];
    let errors = load("files", files).1.expect_err("a wrong schema");
    assert_eq!(errors.files().collect::<Vec<_>>(), expected);
}

#[test]
fn errors_as_json() {
    let text = "{ 'struct': 'Sa',\n  'data': { 'a': 'string', 'b': 'Sb' } }\n";
    let (_, loaded) = load("json", &[("schema.json", text.as_bytes())]);
    let json = loaded.expect_err("a wrong schema").json();
    assert_eq!(json["errors"].as_array().map(Vec::len), Some(2));
    let first = &json["errors"][0];
    assert_eq!(first["code"], "unknown-type");
    assert_eq!(first["message"], "member 'a' uses unknown type 'string'");
    assert_eq!(first["definition"]["meta"], "struct");
    assert_eq!(first["definition"]["name"], "Sa");
    assert_eq!((&first["place"]["line"], &first["place"]["column"]), (&2.into(), &18.into()));
    let (start, end) = (first["place"]["start"].as_u64(), first["place"]["end"].as_u64());
    let (start, end) = (start.expect("an offset") as usize, end.expect("an offset") as usize);
    assert_eq!(&text[start..end], "'string'");
    assert_eq!(
        (&first["place"]["end-line"], &first["place"]["end-column"]),
        (&2.into(), &26.into())
    );
    assert!(first["suggestion"].is_null() && first["related"].is_array());
    assert_eq!(json["errors"][1]["help"][0], "there is a type 'Sa'");
    assert_eq!(json["errors"][1]["suggestion"], "'Sa'");
    assert_eq!(json["total"], 2);
    assert_eq!(json["files"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_model_is_resolved() {
    let schema = schema(
        "model",
        "{ 'struct': 'Base', 'data': { 'kind': 'Kind', '*note': 'str' } }
         { 'struct': 'Disk', 'base': 'Size', 'data': { 'path': ['str'] } }
         { 'struct': 'Size', 'data': { 'size': 'size' } }
         { 'enum': 'Kind', 'data': [ { 'name': 'none', 'if': 'NONE' }, 'disk' ] }
         { 'union': 'Drive', 'base': 'Base', 'discriminator': 'kind', 'data': { 'disk': 'Disk' } }
         { 'command': 'add', 'data': 'Drive', 'boxed': true, 'returns': ['Drive'] }
         { 'event': 'ADDED', 'data': { 'id': 'int' } }",
    );
    let find = |name| schema.get(schema.find(name).expect(name));
    assert!(schema.find("Nothing").is_none());

    let members = schema.all_members(schema.find("Disk").expect("Disk"));
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["size", "path"]);
    assert_eq!(schema.get(members[1].ty).name, "strList");

    let Kind::Object(drive) = &find("Drive").kind else { panic!("a union") };
    assert_eq!((drive.meta, drive.base), (ObjectMeta::Union, schema.find("Base")));
    let variants = drive.variants.as_ref().expect("branches");
    let cases: Vec<_> = variants
        .cases
        .iter()
        .map(|case| (case.name.as_str(), schema.get(case.ty).name.as_str(), case.listed))
        .collect();
    assert_eq!(cases, [("disk", "Disk", true), ("none", "q_empty", false)]);
    assert!(variants.cases[1].cond.is_some(), "an unlisted branch has the condition of its value");

    let Kind::Command(add) = &find("add").kind else { panic!("a command") };
    assert_eq!(add.arguments, schema.find("Drive"));
    assert_eq!(add.returns, schema.find("DriveList"));
    assert!(add.boxed && add.generate && add.success_response && !add.allow_oob);

    let Kind::Event(added) = &find("ADDED").kind else { panic!("an event") };
    let data = schema.get(added.data.expect("data"));
    assert_eq!(data.name, "q_obj_ADDED-arg");
    assert!(matches!(&data.kind, Kind::Object(it) if it.meta == ObjectMeta::Implicit));

    let root = &schema.modules[1];
    assert_eq!(root.name, "schema.json");
    let order: Vec<_> = root
        .items
        .iter()
        .map(|item| match item {
            Item::Include(name) => name.as_str(),
            Item::Entity(id) => schema.get(*id).name.as_str(),
        })
        .collect();
    let expected =
        ["Base", "Disk", "Size", "Kind", "Drive", "DriveList", "add", "q_obj_ADDED-arg", "ADDED"];
    assert_eq!(order, expected);
}

#[test]
fn phases_of_commands() {
    let schema = schema(
        "phases",
        "{ 'pragma': { 'phase-enum': 'Phase' } }
         { 'enum': 'Phase', 'data': [ 'none', 'accel-created', 'initialized', 'ready' ] }
         { 'command': 'plain' }
         { 'command': 'early', 'allow-preconfig': true }
         { 'command': 'both', 'allow-preconfig': true, 'allow-init-config': true }
         { 'command': 'listed', 'allowed-phases': [ 'ready', 'none' ] }",
    );
    assert_eq!(schema.phase_enum, schema.find("Phase"));
    let phases = |name| match &schema.get(schema.find(name).expect(name)).kind {
        Kind::Command(command) => schema.phases_of(command),
        _ => panic!("a command"),
    };
    assert_eq!(phases("plain"), ["ready"]);
    assert_eq!(phases("early"), ["accel-created", "ready"]);
    assert_eq!(phases("both"), ["accel-created", "initialized", "ready"]);
    assert_eq!(phases("listed"), ["none", "ready"]);
}

#[test]
fn documentation_by_section() {
    let schema = schema(
        "docs",
        "##\n# Free.\n##\n\n##\n# @halt:\n#\n# Body.\n#\n# @how: in\n#     which way\n#\n\
         # Features:\n# @f: feature\n#\n# More.\n#\n# TODO: this\n#\n# Since: 1\n##\n\
         { 'command': 'halt', 'data': { 'how': 'str' }, 'features': [ 'f' ] }\n",
    );
    let id = schema.find("halt").expect("halt");
    let [DocBlock::FreeForm { text, module, .. }, entity] = schema.docs.as_slice() else {
        panic!("{:?}", schema.docs)
    };
    assert_eq!((text.as_str(), module.0, entity), ("Free.", 1, &DocBlock::Entity(id)));
    assert_eq!(schema.modules[1].docs, ["Free."]);
    let doc = schema.get(id).doc.as_ref().expect("documentation");
    assert_eq!(doc.body, "Body.");
    assert_eq!(doc.members, [("how".to_owned(), "in\n    which way".to_owned())]);
    assert_eq!(doc.features, [("f".to_owned(), "feature".to_owned())]);
    assert_eq!((doc.since.as_deref(), doc.returns.as_deref()), (Some("1"), None));
    assert_eq!(doc.todo, ["this"]);
    let kinds: Vec<_> = doc.sections.iter().map(|(kind, _)| kind).collect();
    let expected = [
        &SectionKind::Plain,
        &SectionKind::Member("how".to_owned()),
        &SectionKind::Feature("f".to_owned()),
        &SectionKind::Plain,
        &SectionKind::Todo,
        &SectionKind::Since,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn files_from_elsewhere() {
    let mut asked = Vec::new();
    let mut read = |path: &Path| {
        asked.push(path.to_owned());
        match path.to_str() {
            Some("a/root.json") => Ok(b"{ 'include': '../b.json' }".to_vec()),
            Some("a/../b.json") => Ok(b"{ 'command': 'halt' }".to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    };
    let schema = qapi_schema::load_with(Path::new("a/root.json"), &mut read).expect("a schema");
    assert!(schema.find("halt").is_some());
    assert_eq!(asked, ["a/root.json", "a/../b.json"].map(PathBuf::from));
}
