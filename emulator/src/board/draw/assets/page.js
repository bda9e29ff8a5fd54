"use strict";
// What the page does: shows what one points at, finds, chooses, and leads to commands. Everything
// that comes from the board is put into text nodes, never into markup.
(() => {
const board = JSON.parse(document.getElementById("data").textContent);
const { devices, journal = [], origins = [], findings = [] } = board;
const $ = (selector) => document.querySelector(selector);
/** The most rows that are shown at once of a list that may be long. */
const PAGE = 200;

/** An element with children, which are elements or text. */
function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") element.addEventListener(name, value);
        else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
}

// ---- what is known

/** What drives each device's inputs, by the device's number. */
const driven = devices.map(() => []);
devices.forEach((device, from) => {
    for (const [output, to, owner, input] of device.wires ?? []) driven[to].push([input, from, output, owner]);
});

/** The findings about each device, by the device's number. */
const about = devices.map(() => []);
findings.forEach(([, , which], place) => which.forEach((device) => about[device].push(place)));

/** The items of the figures, each with the runs of devices it stands for. */
const items = [...document.querySelectorAll("[data-d]")].map((element) => {
    const runs = element.dataset.d.split(" ").filter(Boolean).map((run) => run.split("-").map(Number));
    const title = element.querySelector("title");
    const tip = title?.textContent ?? "";
    title?.remove();
    if (element.classList.contains("item")) {
        element.setAttribute("tabindex", "0");
        element.setAttribute("role", "button");
    }
    element.setAttribute("aria-label", tip.replaceAll("\n", ", "));
    return { element, runs, tip, wire: element.classList.contains("link") };
});
const itemOf = new Map(items.map((item) => [item.element, item]));

function members(item) {
    return item.runs.flatMap(([first, last = first]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
}

function covers(item, device) {
    return item.runs.some(([first, last = first]) => first <= device && device <= last);
}

// ---- choosing

/** Marks what stands for these devices; of the wires, those that end at them, or only one. */
function mark(chosen, wire = null) {
    const isOn = (item) => item.wire && wire ? item === wire : chosen.some((device) => covers(item, device));
    for (const item of items) item.element.classList.toggle("on", isOn(item));
    for (const svg of document.querySelectorAll("svg")) svg.classList.toggle("choice", svg.querySelector(".link.on") !== null);
}

function choose(device, { scroll = false } = {}) {
    mark([device]);
    show(device);
    showJournal(device);
    history.replaceState(null, "", "#" + encodeURIComponent(devices[device].name));
    if (scroll) {
        const first = items.find((item) => !item.wire && covers(item, device));
        first?.element.scrollIntoView({ block: "center", inline: "nearest" });
    }
}

function chooseItem(item) {
    const all = members(item);
    if (all.length === 1 && !item.wire) return choose(all[0]);
    mark(all, item.wire ? item : null);
    showMany(item.tip, all);
}

function clear() {
    mark([]);
    details.replaceChildren(...nothing);
    openPanel(false);
    showJournal(null);
    history.replaceState(null, "", location.pathname + location.search);
}

// ---- details

const aside = $("aside");
const details = $("#details");
const nothing = [...details.childNodes];

/** A finding with the commands that mend it, and perhaps a way to what it is about. */
function finding(place, leads = false) {
    const [severity, text, [device], fix] = findings[place];
    const words = leads && device !== undefined ? reference(device, text) : make("p", {}, text);
    return make("div", { class: `finding ${severity}` }, words, ...fix.map((command) => make("code", {}, command)));
}

function showFindings() {
    const more = findings.length - PAGE;
    put(
        make("h3", {}, "Findings"),
        make("p", { class: "hint" }, "What lint says of the board, with the commands that mend it."),
        ...findings.slice(0, PAGE).map((_, place) => finding(place, true)),
        ...(more > 0 ? [make("p", { class: "hint" }, `and ${more.toLocaleString("en")} more`)] : []),
    );
}

const findingsButton = $("#findings");
findingsButton.hidden = findings.length === 0;
findingsButton.textContent = findings.length === 1 ? "1 finding" : `${findings.length.toLocaleString("en")} findings`;
findingsButton.addEventListener("click", showFindings);

const panel = $("#panel");

function openPanel(yes) {
    aside.classList.toggle("asked", yes);
    panel.setAttribute("aria-expanded", String(yes));
}

panel.addEventListener("click", () => openPanel(!aside.classList.contains("asked")));

function put(...children) {
    const close = make("button", { class: "ref more", type: "button", click: clear }, "Close");
    details.replaceChildren(...children, close);
    details.scrollTop = 0;
    openPanel(true);
}

function reference(device, text = devices[device].name) {
    return make("button", { class: "ref", type: "button", click: () => choose(device, { scroll: true }) }, text);
}

function table(rows) {
    return make("table", {}, ...rows.map(([name, value, style = ""]) =>
        make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: style }, ...[value].flat()))));
}

function value(of) {
    if (typeof of === "number" && of > 9) return `${of} (0x${of.toString(16)})`;
    return typeof of === "object" && of !== null ? JSON.stringify(of) : String(of);
}

function part(name, rows) {
    return rows.length ? [make("h4", {}, name), table(rows)] : [];
}

function show(number) {
    const device = devices[number];
    const given = device.given ?? {};
    const defaults = Object.entries(board.drivers[device.driver] ?? {}).filter(([name]) => !(name in given));
    put(
        make("h3", {}, device.name),
        make("p", { class: "hint" }, device.driver),
        ...about[number].slice(0, PAGE).map((place) => finding(place)),
        ...part("Memory", (device.mappings ?? []).map(([region, first, last, size, kind, alias]) =>
            [alias ?? region, `${first} – ${last}, ${size}, ${kind === "stub" ? "not modelled" : kind.toUpperCase()}`])),
        ...part("Drives", (device.wires ?? []).slice(0, PAGE).map(([output, to, owner, input]) => [output, [reference(to, owner), ` ${input}`]])),
        ...part("Driven by", driven[number].slice(0, PAGE).map(([input, from, output]) => [input, [reference(from), ` ${output}`]])),
        ...part("Facts", (device.facts ?? []).map(([name, text]) => [name, text])),
        ...part("Properties", [
            ...Object.entries(given).map(([name, of]) => [name, value(of)]),
            ...defaults.map(([name, of]) => [name, value(of), "default"]),
        ]),
        ...commands(device),
    );
}

function commands(device) {
    const made = device.entries ?? [];
    if (!made.length) return [];
    return [make("h4", {}, "Made by"), ...made.slice(0, PAGE).map((entry) => line("div", entry, "entry"))];
}

function showMany(tip, all) {
    const list = make("tbody");
    let shown = 0;
    const more = make("button", { class: "ref more", type: "button", click: () => grow() }, "");
    const grow = () => {
        for (const number of all.slice(shown, shown + PAGE)) {
            const device = devices[number];
            const where = device.mappings?.[0]?.[1] ?? "";
            list.append(make("tr", {}, make("td", {}, reference(number)), make("td", {}, where), make("td", {}, device.wires?.[0]?.[3] ?? "")));
        }
        shown = Math.min(shown + PAGE, all.length);
        more.hidden = shown === all.length;
        more.textContent = `${(all.length - shown).toLocaleString("en")} more`;
    };
    grow();
    const [title, ...rest] = tip.split("\n");
    put(make("h3", {}, title), make("p", { class: "hint" }, rest.join(" ")), make("table", {}, list), more);
}

// ---- the journal

function line(tag, number, style) {
    const [origin, text] = journal[number];
    const [file, place] = origin;
    return make(tag, { class: style }, make("span", { class: "origin" }, origins[file] + place), text);
}

const madeBy = new Map();
devices.forEach((device, number) => {
    for (const entry of device.entries ?? []) if (!madeBy.has(entry)) madeBy.set(entry, number);
});

/** The commands around those that made a device; from the first one on without a device. */
function showJournal(device) {
    if (!journal.length) return;
    const pane = $("#journal");
    pane.hidden = false;
    const made = new Set(device === null ? [] : devices[device].entries ?? []);
    const first = made.size ? Math.max(0, Math.min(...made) - 20) : 0;
    const shown = journal.slice(first, first + PAGE);
    pane.querySelector(".hint").textContent = shown.length < journal.length
        ? `Commands ${first + 1} to ${first + shown.length} of ${journal.length.toLocaleString("en")}`
        : `${journal.length} commands`;
    pane.querySelector("ol").replaceChildren(...shown.map((_, index) => {
        const entry = first + index;
        const row = line("li", entry, made.has(entry) ? "on" : "");
        const maker = madeBy.get(entry);
        if (maker !== undefined) {
            row.tabIndex = 0;
            row.addEventListener("click", () => choose(maker, { scroll: true }));
            row.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(maker, { scroll: true }); });
        }
        return row;
    }));
    const on = pane.querySelector(".on");
    if (on) pane.scrollTop = on.offsetTop - pane.offsetTop - 40;
}

// ---- the figures

const tip = $("#tip");

function showTip(event) {
    const item = itemOf.get(event.target.closest?.("[data-d]"));
    tip.hidden = !item;
    if (!item) return;
    tip.textContent = item.tip;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
}

$("main").addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") showTip(event); });
$("main").addEventListener("pointerleave", () => { tip.hidden = true; });
$("main").addEventListener("click", (event) => {
    const item = itemOf.get(event.target.closest("[data-d]"));
    if (item) chooseItem(item);
});
$("main").addEventListener("keydown", (event) => {
    const item = itemOf.get(event.target);
    if (!item || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    chooseItem(item);
});

// ---- the search

const query = $("#query");
const hits = $("#hits");
let found = [];
let at = 0;

/** The numbers of the devices that fit: by name, by driver, or by an address that they answer at. */
function search(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    let address = null;
    if (/^(0x[0-9a-f]+|[0-9]+)$/.test(wanted)) address = BigInt(wanted);
    const ranks = [[], [], [], []];
    devices.forEach((device, number) => {
        const name = device.name.toLowerCase();
        const here = address !== null && (device.mappings ?? []).some(([, first, last]) => BigInt(first) <= address && address <= BigInt(last));
        const rank = name === wanted || here ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2
            : device.driver.toLowerCase().includes(wanted) ? 3 : -1;
        if (rank >= 0) ranks[rank].push(number);
    });
    return ranks.flat();
}

function list() {
    found = search(query.value);
    at = 0;
    const shown = found.slice(0, 50);
    const rows = shown.map((number, index) => make("li",
        { role: "option", id: `hit-${index}`, click: () => take(index) },
        devices[number].name, make("span", { class: "hint" }, `  ${devices[number].driver}  ${devices[number].mappings?.[0]?.[1] ?? ""}`)));
    if (query.value.trim() && !found.length) rows.push(make("li", { class: "none" }, "Nothing fits."));
    if (found.length > shown.length) rows.push(make("li", { class: "none" }, `and ${(found.length - shown.length).toLocaleString("en")} more`));
    hits.replaceChildren(...rows);
    openHits(rows.length > 0);
    point(0);
}

function openHits(yes) {
    hits.hidden = !yes;
    query.setAttribute("aria-expanded", String(yes));
}

function point(index) {
    at = Math.max(0, Math.min(index, Math.min(found.length, 50) - 1));
    [...hits.children].forEach((row, number) => row.setAttribute("aria-selected", String(number === at && found.length > 0)));
    const row = found.length ? hits.children[at] : null;
    row?.scrollIntoView({ block: "nearest" });
    query.setAttribute("aria-activedescendant", row?.id ?? "");
}

function take(index) {
    if (found[index] === undefined) return;
    openHits(false);
    choose(found[index], { scroll: true });
}

query.addEventListener("input", list);
query.addEventListener("focus", list);
query.addEventListener("blur", () => setTimeout(() => openHits(false), 150));
query.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        point(at + (event.key === "ArrowDown" ? 1 : -1));
    }
});
$("#search").addEventListener("submit", (event) => {
    event.preventDefault();
    take(at);
});
document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== query) {
        event.preventDefault();
        query.select();
        query.focus();
    } else if (event.key === "Escape") {
        query.blur();
        clear();
    }
});

// ---- the beginning

showJournal(null);
const asked = devices.findIndex((device) => device.name === decodeURIComponent(location.hash.slice(1)));
if (asked >= 0) choose(asked, { scroll: true });
})();
