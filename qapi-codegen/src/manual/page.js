"use strict";
const search = document.getElementById("search");
const kind = document.getElementById("kind");
const found = document.getElementById("found");
const index = document.getElementById("index");

const links = new Map([...index.querySelectorAll("li a")].map(a => [a.getAttribute("href").slice(1), a]));
const entries = [...document.querySelectorAll("article")].map(article => ({
  article,
  link: links.get(article.id),
  name: article.dataset.name.toLowerCase(),
  keys: (article.dataset.name + " " + article.dataset.keys).toLowerCase(),
  // Made when first asked for: it is most of the page.
  get text() {
    const text = this.article.textContent.toLowerCase();
    Object.defineProperty(this, "text", { value: text });
    return text;
  },
}));

// Names first; if none fits, the names of members and values; then the whole text.
const ways = [["name", "by name"], ["keys", "by member or value"], ["text", "in the text"]];

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = entries.filter(e => !kind.value || e.article.classList.contains(kind.value));
  let shown = chosen, how = "";
  if (words.length) {
    for (const [key, told] of ways) {
      shown = chosen.filter(e => words.every(word => e[key].includes(word)));
      how = told;
      if (shown.length) break;
    }
  }
  const visible = new Set(shown);
  const all = visible.size === entries.length;
  for (const entry of entries) {
    entry.article.hidden = !visible.has(entry);
    entry.link.parentElement.hidden = entry.article.hidden;
  }
  for (const prose of document.querySelectorAll(".prose")) prose.hidden = !all;
  const hideEmpty = (groups, part) => {
    for (const group of document.querySelectorAll(groups)) {
      group.hidden = !all && !group.querySelector(`${part}:not([hidden])`);
    }
  };
  hideEmpty(".chapter", "article");
  hideEmpty("#index details", "li");
  found.textContent = all ? "" : shown.length
    ? `${shown.length} of ${entries.length}${how && " " + how}`
    : "Nothing found";
}

search.addEventListener("input", () => { filter(); scrollTo(0, 0); });
kind.addEventListener("change", filter);

// A link leads to its entry even if the filter hides it.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("[hidden]")) {
    search.value = kind.value = "";
    filter();
    target.scrollIntoView();
  }
  index.classList.remove("open");
});

addEventListener("keydown", event => {
  if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) {
    event.preventDefault();
    search.select();
  } else if (event.key === "Escape" && search.value) {
    search.value = "";
    filter();
  } else if (event.key === "Enter" && document.activeElement === search) {
    const first = document.querySelector("article:not([hidden])");
    if (first) location.hash = first.id;
  }
});

document.getElementById("menu").addEventListener("click", () => index.classList.toggle("open"));
index.addEventListener("click", event => {
  if (event.target.closest("a")) index.classList.remove("open");
});

const theme = name => { document.documentElement.dataset.theme = name; };
try { if (localStorage.theme) theme(localStorage.theme); } catch { /* a page from disk may have no storage */ }
document.getElementById("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  theme(next);
  try { localStorage.theme = next; } catch { /* then it is not remembered */ }
});
filter();
