"use strict";
// The data, and the worlds that the changes of a timeline add up to.

const DATA = JSON.parse(document.getElementById("data").textContent);
const FIELD = Object.fromEntries(DATA.fields.map((field) => [field.name, field]));
const RACE = new Map(DATA.races.map((race, number) => [race.key, number]));
const SENTENCE = Object.fromEntries(DATA.properties.map((property) => [property.id, property]));
const DURABLE = "■", VOLATILE = "□", CROSS = DATA.looks.violated, DECIDED = "◆";

/** A moment as h:mm:ss.mmm. */
function clockTime(ms) {
  const pad = (number, digits) => String(number).padStart(digits, "0");
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}.${pad(ms % 1000, 3)}`;
}

/** A length of time in the largest units that say it exactly enough. */
function span(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60000) return `${+(ms / 1000).toFixed(3)} s`;
  const minutes = Math.floor(ms / 60000), hours = Math.floor(minutes / 60), rest = (ms % 60000) / 1000;
  const tail = rest ? ` ${+rest.toFixed(3)} s` : "";
  return hours ? `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ""}` : `${minutes} min${tail}`;
}

/** When a step of a timeline happens; step 0 is the beginning. */
const momentOf = (line, step) => (step ? line.clock + line.steps[step - 1].at : line.clock);

/** The names of all values before the first step and after each one: `worldsOf(line)[step][cell]`. */
function worldsOf(line) {
  if (!line.worlds) {
    const worlds = [line.start];
    for (const step of line.steps) {
      const next = worlds[worlds.length - 1].slice();
      for (let at = 0; at < step.set.length; at += 2) next[step.set[at]] = step.set[at + 1];
      worlds.push(next);
    }
    Object.defineProperty(line, "worlds", { value: worlds });
  }
  return line.worlds;
}

const cellsOf = (line) => DATA.worlds[line.world];
const nameOf = (value) => DATA.names[value];

/** What a cell belongs to, where there is little room. */
const shortOwner = (line, owner) => line.runs[owner] || owner;

/** The world at a step, by home: durable stores first, then memory by process, then what only the model knows. */
function worldByHome(line, step) {
  const worlds = worldsOf(line), now = worlds[step], before = worlds[Math.max(step - 1, 0)];
  const homes = Object.entries(DATA.homes).map(([name, home]) => ({ name, ...home, cells: [] }));
  cellsOf(line).forEach(([field, owner], cell) => {
    const home = homes.find((known) => known.name === FIELD[field].home);
    home.cells.push({
      field, owner, now: nameOf(now[cell]), was: nameOf(before[cell]), changed: now[cell] !== before[cell],
      plain: now[cell] === line.start[cell],
    });
  });
  return homes.filter((home) => home.cells.length);
}

/** The step of a timeline at which the violation is marked, 0 if it is nowhere. */
const brokenAt = (line) => line.steps.findIndex((step) => step.breaks) + 1;

/** Where the page is, read from its address; `problem` says what is wrong with it. */
function placeOf(hash) {
  const text = hash.replace(/^#/, "");
  if (!text || text === "content" || text === "matrix") return { race: null, step: 0 };
  let asked;
  try {
    asked = Object.fromEntries(text.split("&").map((part) => {
      const [name, ...value] = part.split("=");
      return [name, decodeURIComponent(value.join("="))];
    }));
  } catch {
    return { race: null, step: 0, problem: `The address ends in “#${text}”, which cannot be read.` };
  }
  const race = RACE.get(asked.race);
  if (race === undefined) return { race: null, step: 0, problem: `There is no race “${asked.race ?? text}” in this report.` };
  const last = DATA.races[race].timeline.steps.length;
  if (asked.step === undefined) return { race, step: 0 };
  const step = /^\d{1,6}$/.test(asked.step) ? Number(asked.step) : NaN;
  if (step <= last) return { race, step };
  return { race, step: 0, problem: `There is no step “${asked.step}” in this race; it has ${last}.` };
}

/** The address of a race at a step. */
function hashOf(race, step) {
  const key = encodeURIComponent(DATA.races[race].key).replaceAll("%2F", "/").replaceAll("%40", "@");
  return `#race=${key}${step === undefined ? "" : `&step=${step}`}`;
}

/** A setting that outlives the page where the browser allows that. */
const memory = {
  get(name) {
    try { return localStorage.getItem(`lostproof ${name}`); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem(`lostproof ${name}`, value); } catch { /* a page from disk may not be allowed to */ }
  },
};

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
