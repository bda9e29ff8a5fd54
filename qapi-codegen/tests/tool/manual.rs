//! The manuals: everything is in them, every link leads somewhere.

use std::collections::BTreeSet;

use qapi_codegen::{html, markdown};

use crate::{load, schema};

const SCHEMA: &str = "\
{ 'pragma': { 'phase-enum': 'Phase' } }
##
# = Lamps & <shades>
#
# What one needs for light.
##
##
# @Phase:
#
# Phases.
#
# @dark: none
# @lit: some
##
{ 'enum': 'Phase', 'data': [ 'dark', 'lit' ] }
##
# @Lamp:
#
# A *lamp*, see `the page <https://example.org/l>`_.  Not ``<b>``.
#
# @id: the name, in @Phase or not
#
# @watts: how much
#
# Features:
#
# @deprecated: use @id
##
{ 'struct': 'Lamp', 'data': {
    'id': 'str',
    '*watts': { 'type': ['uint8'], 'if': { 'any': [ 'A', { 'not': 'B' } ] },
                'features': [ 'deprecated' ] } } }
##
# @lamp-add:
#
# Adds it.
#
# .. note:: Careful,
#    it is::
#
#       hot
#
# Returns: what there is
#
# Errors:
#     - GenericError: taken
#
# Since: 1.2
#
# .. qmp-example::
#    :title: First
#
#     -> { \"execute\": \"lamp-add\" }
##
{ 'command': 'lamp-add', 'data': 'Lamp', 'boxed': true, 'returns': [ 'Lamp' ], 'allow-oob': true,
  'if': { 'all': [ 'A', 'B' ] } }
{ 'event': 'LAMP_GONE', 'data': { 'id': 'str' } }
";

#[test]
fn html_says_everything() {
    let page = html(&schema(SCHEMA));
    for part in [
        "Lamps &amp; &lt;shades&gt;",
        "<p>What one needs for light.</p>",
        "A <em>lamp</em>, see <a href=\"https://example.org/l\">the page</a>. Not \
         <code>&lt;b&gt;</code>.",
        "<article id=\"command-lamp-add\" class=\"command\"",
        "<a href=\"#type-Lamp\"><code>Lamp</code></a>",
        "If <code>A and B</code>",
        "If <code>A or not B</code>",
        "<span class=\"optional\">optional</span>",
        "<span class=\"badge\">deprecated</span>",
        "<span class=\"badge\">out of band</span>",
        "<span class=\"since\">since 1.2</span>",
        "<li class=\"no\"><span class=\"spoken\">not in </span>dark</li>",
        "<aside><strong>Note</strong>\n<p>Careful, it is:</p>\n<pre>hot",
        "<li>GenericError: taken</li>",
        "<h4>Example: First</h4>",
        "<b class=\"sent\">-&gt;</b> { &quot;execute&quot;",
        "<article id=\"event-LAMP_GONE\"",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[test]
fn markdown_says_everything() {
    let page = markdown(&schema(SCHEMA));
    for part in [
        "## Lamps & \\<shades\\>",
        "A *lamp*, see [the page](https://example.org/l). Not `<b>`.",
        "### `lamp-add` (command, out of band)",
        "- `watts` (\\[`uint8`\\], optional, deprecated, if `A or not B`): how much",
        "**Returns:** \\[[`Lamp`](#type-Lamp)\\]",
        "**Permitted in:** `lit`",
        "**Since:** 1.2",
        "> **Note**",
        "> ```\n> hot\n> ```",
        "**Example: First**\n\n```\n-> { \"execute\": \"lamp-add\" }\n```",
        "- `id` (`str`)",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

/// Text between two marks, all of it.
fn between<'t>(page: &'t str, open: &str, close: char) -> BTreeSet<&'t str> {
    page.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

#[test]
fn links_lead_somewhere() {
    for path in ["tests/toy/toy.json", "../emulator/qapi/qapi-schema.json"] {
        let schema = load(path);
        let (page, text) = (html(&schema), markdown(&schema));
        let (links, ids) = (between(&page, "href=\"#", '"'), between(&page, "id=\"", '"'));
        assert!(links.len() > 10 && links.is_subset(&ids), "{:?}", links.difference(&ids));
        let (links, ids) = (between(&text, "](#", ')'), between(&text, "<a id=\"", '"'));
        assert!(links.len() > 10 && links.is_subset(&ids), "{:?}", links.difference(&ids));
        // One page, nothing beside it.
        assert!(!page.contains("src=") && !page.contains("@import"), "{path}");
    }
}
