"use strict";
const root = document.documentElement, toggle = document.getElementById("theme");
const dark = () => root.dataset.theme ? root.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches;
const say = () => { toggle.textContent = dark() ? "Light" : "Dark";
  toggle.setAttribute("aria-label", "Show in " + (dark() ? "light" : "dark") + " colours"); };
toggle.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
say();

const data = document.getElementById("people-data");
if (data) {
  const { people, items, categories, target, total } = JSON.parse(data.textContent);
  const box = document.getElementById("search"), list = document.getElementById("found");
  const card = document.getElementById("person"), status = document.getElementById("status");
  const make = (tag, words, into) => { const part = document.createElement(tag);
    if (words !== undefined) part.textContent = words; if (into) into.append(part); return part; };
  const percent = value => Math.round(100 * value) + " %";
  const show = person => {
    card.replaceChildren();
    make("h3", "User " + person.id, card);
    const known = person.known.map((count, at) => count ? categories[at] + " " + count : "").filter(Boolean);
    make("p", "History: " + (known.join(", ") || "none") + "." + (person.sure === null ? "" :
      " The list below holds a hit with probability " + percent(person.sure) + "."), card);
    const best = make("ol", undefined, card);
    for (const [item, reasons] of person.list) {
      const line = make("li", items[item], best);
      if (reasons.length) make("small", "because of " + reasons.map(at => typeof at === "number"
        ? items[at] : at).join(" · "), line);
    }
    if (person.leans.length) {
      make("h3", "Likely interests", card);
      const rows = make("ul", undefined, card);
      person.leans.forEach((value, at) => { const row = make("li", categories[at] + " ", rows);
        const bar = make("meter", undefined, row); bar.value = value;
        bar.setAttribute("aria-label", categories[at]); row.append(" " + percent(value)); });
    }
    card.hidden = false;
    status.textContent = "Showing user " + person.id + ": " + person.list.length + " items in " + target;
  };
  const look = () => {
    const wanted = box.value.trim().toLowerCase();
    const hits = people.filter(person => String(person.id).toLowerCase().includes(wanted));
    list.replaceChildren();
    for (const person of hits.slice(0, 12)) {
      const button = make("button", person.id, make("li", undefined, list));
      button.type = "button";
      button.addEventListener("click", () => show(person));
    }
    const first = hits.length > 12 ? ", the first 12 are shown" : "";
    const rest = total > people.length ? " (this file has " + people.length + " of " + total + " users)" : "";
    status.textContent = hits.length + (hits.length === 1 ? " user" : " users") + " found" + first + rest;
    const exact = hits.find(person => String(person.id).toLowerCase() === wanted);
    if (exact) show(exact);
  };
  box.addEventListener("input", look);
  box.addEventListener("keydown", event => { if (event.key === "Enter" && list.firstElementChild) {
    event.preventDefault(); list.querySelector("button").click(); } });
  look();
}
