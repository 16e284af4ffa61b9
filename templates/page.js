"use strict";
// A level is the drawing of one submodule with its children as closed boxes. An unfolded box contains the level of its
// submodule: the drawing around it is stretched at the box, and all other parts keep their distances.
const SVG = "http://www.w3.org/2000/svg";
const data = JSON.parse(document.getElementById("archdsl-data").textContent);
const facts = new Map(data.facts.map((fact, order) => [fact.path, { ...fact, order }]));
const levels = new Map();
const open = new Set(data.open);
const canvas = document.getElementById("canvas");
const details = document.getElementById("details");
const search = document.getElementById("search");
const found = document.getElementById("found");
// The scale at which the smallest text, of eight points, has nine pixels.
const READABLE = 9 / 8;
const root = document.createElementNS(SVG, "svg");
const camera = document.createElementNS(SVG, "g");
root.setAttribute("class", "archdsl");
root.setAttribute("role", "group");
root.setAttribute("aria-label", `Drawing of ${data.model}`);
root.append(camera);
canvas.append(root);
const viewport = { x: 0, y: 0, scale: 1 };
let whole = { x: 0, y: 0, width: 1, height: 1 };
let chosen = "";
let revealing = false;

// Reading a level: its boxes, frames and edges with their positions.

function numbers(text) {
  return (text.match(/-?\d+(?:\.\d+)?(?:e-?\d+)?/g) || []).map(Number);
}

function pairs(text) {
  const all = numbers(text);
  return Array.from({ length: all.length / 2 }, (_, i) => [all[2 * i], all[2 * i + 1]]);
}

function bounds(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const x = Math.min(...xs), y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function outline(group) {
  const points = [...group.querySelectorAll("path, polygon, ellipse")].flatMap((shape) => {
    if (shape.tagName === "ellipse") {
      const [x, y, a, b] = ["cx", "cy", "rx", "ry"].map((name) => Number(shape.getAttribute(name)));
      return [[x - a, y - b], [x + a, y + b]];
    }
    return pairs(shape.getAttribute("d") || shape.getAttribute("points"));
  });
  return bounds(points);
}

function level(path) {
  if (!levels.has(path)) levels.set(path, read(path));
  return levels.get(path);
}

const STROKE = ["stroke", "stroke-width", "stroke-dasharray"];

function read(path) {
  const graph = new DOMParser().parseFromString(data.levels[path], "image/svg+xml").querySelector("g.graph");
  const known = { boxes: new Map(), frames: [], edges: [], rect: null };
  for (const group of graph.querySelectorAll("g.node, g.cluster, g.edge")) {
    const id = group.id;
    for (const each of [group, ...group.querySelectorAll("*")]) {
      each.removeAttribute("id");
      each.removeAttribute("href");
      // The page has a panel for the facts; a tooltip would cover the drawing.
      each.removeAttributeNS("http://www.w3.org/1999/xlink", "title");
    }
    group.querySelector("title")?.remove();
    if (group.classList.contains("edge")) {
      const line = group.querySelector("path");
      known.edges.push({ id, group, stroke: STROKE.map((name) => [name, line?.getAttribute(name)]) });
    } else if (group.classList.contains("cluster")) {
      known.frames.push({ id, group, rect: outline(group) });
    } else {
      known.boxes.set(id, { id, group, rect: outline(group), stub: group.classList.contains("stub") });
    }
  }
  const ids = [...known.boxes.keys()].sort((a, b) => b.length - a.length);
  for (const edge of known.edges) {
    edge.source = ids.find((id) => edge.id.startsWith(`${id}--`));
    const rest = edge.id.slice((edge.source || "").length + 2);
    edge.target = ids.find((id) => rest === id || rest.startsWith(`${id}-`));
  }
  const frame = known.frames.find((each) => each.id === path);
  const page = graph.querySelector("polygon");
  known.rect = path && frame ? frame.rect : bounds(pairs(page.getAttribute("points")));
  return known;
}

// Stretching one axis: returns a function from original to new coordinates.

function stretch(intervals) {
  const ends = [...new Set(intervals.flatMap((each) => [each.from, each.to]))].sort((a, b) => a - b);
  const steps = ends.slice(1).map((to, i) => {
    const from = ends[i];
    const shares = intervals
      .filter((each) => each.from <= from && each.to >= to)
      .map((each) => (each.extra * (to - from)) / (each.to - each.from));
    return { from, to, extra: Math.max(0, ...shares) };
  });
  return (value) => steps.reduce((sum, { from, to, extra }) => {
    return sum + extra * Math.min(1, Math.max(0, (value - from) / (to - from)));
  }, value);
}

// Building a level with all unfolded levels inside it.

// `around` has the strokes of the incoming edges, by their source.
function build(path, around = new Map()) {
  const known = level(path);
  const inner = new Map();
  const stroke = (edge) => (known.boxes.get(edge.source)?.stub && around.get(plain(edge.source))) || edge.stroke;
  for (const box of known.boxes.values()) {
    if (!open.has(box.id) || data.levels[box.id] === undefined) continue;
    const entering = known.edges.filter((edge) => edge.target === box.id);
    inner.set(box.id, build(box.id, new Map(entering.map((edge) => [plain(edge.source), stroke(edge)]))));
  }
  const fx = stretch([...inner].flatMap(([id, made]) => {
    // The stream through an unfolded level stays in the middle of its box.
    const { x, width } = known.boxes.get(id).rect, middle = x + width / 2;
    const left = made.entry - made.rect.x, right = made.rect.width - left;
    return [
      { from: x, to: middle, extra: Math.max(0, left - width / 2) },
      { from: middle, to: x + width, extra: Math.max(0, right - width / 2) },
    ];
  }));
  const fy = stretch([...inner].map(([id, made]) => {
    const { y, height } = known.boxes.get(id).rect;
    return { from: y, to: y + height, extra: Math.max(0, made.rect.height - height) };
  }));
  const move = ([x, y]) => [fx(x), fy(y)];
  const holder = document.createElementNS(SVG, "g");
  for (const frame of known.frames) holder.append(framed(frame, move, path));
  const places = new Map();
  for (const box of known.boxes.values()) {
    if (box.stub && path) continue;
    places.set(box.id, placed(box, inner.get(box.id), move, holder));
  }
  const route = new Route(known, places, inner, move);
  for (const edge of known.edges) holder.append(route.draw(edge, stroke(edge)));
  const { x, y, width, height } = known.rect;
  const [left, top] = move([x, y]), [right, bottom] = move([x + width, y + height]);
  const rect = { x: left - 1, y: top - 1, width: right - left + 2, height: bottom - top + 2 };
  return { holder, rect, ends: route.ends, entry: route.entry ?? (left + right) / 2 };
}

function framed(frame, move, path) {
  const group = frame.group.cloneNode(true);
  const rect = frame.rect;
  const [left, top] = move([rect.x, rect.y]), [right, bottom] = move([rect.x + rect.width, rect.y + rect.height]);
  const [border, ...signs] = group.querySelectorAll("path, polygon");
  redraw(border, move);
  // Title and badge keep their distance to their corner.
  const title = group.querySelector("text");
  const isLeft = !title || Number(title.getAttribute("x")) < rect.x + rect.width / 2;
  const by = [isLeft ? left - rect.x : right - rect.x - rect.width, top - rect.y];
  for (const sign of signs) redraw(sign, ([x, y]) => [x + by[0], y + by[1]]);
  for (const text of group.querySelectorAll("text")) {
    text.setAttribute("x", Number(text.getAttribute("x")) + by[0]);
    text.setAttribute("y", Number(text.getAttribute("y")) + by[1]);
  }
  label(group, frame.id, { x: left, y: top, width: right - left, height: bottom - top }, frame.id === path);
  return group;
}

function placed(box, made, move, holder) {
  const rect = box.rect;
  const [cx, cy] = move([rect.x + rect.width / 2, rect.y + rect.height / 2]);
  if (made) {
    const top = move([rect.x, rect.y])[1], bottom = move([rect.x, rect.y + rect.height])[1];
    const place = {
      x: cx - made.entry + made.rect.x, y: (top + bottom - made.rect.height) / 2,
      width: made.rect.width, height: made.rect.height,
    };
    const window = document.createElementNS(SVG, "svg");
    for (const name of ["x", "y", "width", "height"]) window.setAttribute(name, place[name]);
    window.setAttribute("overflow", "visible");
    const seen = made.rect;
    window.setAttribute("viewBox", `${seen.x} ${seen.y} ${seen.width} ${seen.height}`);
    window.append(made.holder);
    holder.append(window);
    return place;
  }
  const place = { x: cx - rect.width / 2, y: cy - rect.height / 2, width: rect.width, height: rect.height };
  const group = box.group.cloneNode(true);
  const [dx, dy] = [place.x - rect.x, place.y - rect.y];
  if (dx || dy) group.setAttribute("transform", `translate(${dx} ${dy})`);
  if (facts.has(box.id)) label(group, box.id, rect, data.levels[box.id] !== undefined);
  holder.append(group);
  return place;
}

function label(group, path, rect, unfolds) {
  const fact = facts.get(path);
  group.dataset.path = path;
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  const name = fact ? `${path}: ${fact.title}, ${fact.output}` : path;
  group.setAttribute("aria-label", name);
  if (unfolds) {
    group.classList.add("unfolds");
    group.setAttribute("aria-expanded", String(open.has(path)));
  }
  if (path === chosen) group.classList.add("chosen");
  const ring = document.createElementNS(SVG, "rect");
  const sizes = { x: rect.x - 2, y: rect.y - 2, width: rect.width + 4, height: rect.height + 4, rx: 6 };
  if (group.classList.contains("cluster")) {
    Object.assign(sizes, { x: rect.x + 2, y: rect.y + 2, width: rect.width - 4, height: rect.height - 4 });
  }
  for (const [key, value] of Object.entries(sizes)) ring.setAttribute(key, value);
  ring.setAttribute("class", "ring");
  group.append(ring);
}

function redraw(shape, move) {
  const attribute = shape.tagName === "polygon" ? "points" : "d";
  const points = pairs(shape.getAttribute(attribute)).map(move);
  shape.setAttribute(attribute, attribute === "points" ? points.map(join).join(" ") : pathOf(points));
}

function join(point) {
  return point.map((value) => Math.round(value * 100) / 100).join(",");
}

function pathOf(points) {
  return `M${join(points[0])}C${points.slice(1).map(join).join(" ")}`;
}

// The edges of a level. Stubs for its surroundings are hidden: their edges begin and end on the frame. The first incoming
// and the last outgoing edge are straight.
class Route {
  constructor(known, places, inner, move) {
    Object.assign(this, { known, places, inner, move, ends: { in: new Map(), out: new Map() }, entry: undefined });
    const entering = known.edges.filter((edge) => this.isHidden(edge.source) && places.has(edge.target));
    const leaving = known.edges.filter((edge) => this.isHidden(edge.target) && places.has(edge.source));
    const low = (id) => places.get(id).y + places.get(id).height;
    this.first = entering.sort((a, b) => places.get(a.target).y - places.get(b.target).y)[0];
    this.last = leaving.sort((a, b) => low(b.source) - low(a.source))[0];
    this.gone = new Map();
  }

  isHidden(id) {
    return Boolean(this.known.boxes.get(id)?.stub) && !this.places.has(id);
  }

  draw(edge, stroke) {
    const group = edge.group.cloneNode(true);
    const lines = [...group.querySelectorAll("path")];
    if (!lines.length) return group;
    const isOut = this.isHidden(edge.target);
    if (isOut && this.gone.has(edge.source)) {
      // One edge out of the frame is enough: the value forks outside.
      this.ends.out.set(plain(edge.target), this.gone.get(edge.source));
      return document.createElementNS(SVG, "g");
    }
    const old = pairs(lines[0].getAttribute("d"));
    const made = this.points(edge, old);
    if (isOut) this.gone.set(edge.source, made[made.length - 1][0]);
    for (const line of lines) {
      line.setAttribute("d", pathOf(made));
      for (const [name, value] of stroke) if (value) line.setAttribute(name, value);
    }
    const ends = isOut || this.inner.has(edge.target);
    for (const head of group.querySelectorAll("polygon")) {
      if (ends) head.remove();
      else turn(head, old, made);
    }
    beside(group, old, made);
    return group;
  }

  points(edge, old) {
    const { known, move } = this;
    const made = old.map(move);
    let start = this.end(edge.source, edge.target, "out", old[0]);
    let finish = this.end(edge.target, edge.source, "in", old[old.length - 1]);
    const isFirst = edge === this.first, isLast = this.last !== undefined && edge.source === this.last.source
      && this.isHidden(edge.target);
    if (isFirst) start = [finish[0], start[1]];
    if (isLast) finish = [(start = [this.middle(edge.source, start), start[1]])[0], finish[1]];
    if (isFirst) this.ends.in.set(plain(edge.source), this.entry = start[0]);
    if (isLast) this.ends.out.set(plain(edge.target), finish[0]);
    if (isFirst || isLast) return [0, 1, 2, 3].map((n) => [0, 1].map((i) => start[i] + ((finish[i] - start[i]) * n) / 3));
    shift(made, [0, 1], start, made[0]);
    shift(made, [made.length - 1, made.length - 2], finish, made[made.length - 1]);
    if (this.isHidden(edge.source) || this.isHidden(edge.target)) {
      const { x, width } = known.rect;
      const left = move([x, 0])[0] + 6, right = move([x + width, 0])[0] - 6;
      for (const point of made) point[0] = Math.min(right, Math.max(left, point[0]));
    }
    return made;
  }

  middle(id, start) {
    const place = this.places.get(id);
    return this.inner.has(id) ? start[0] : place.x + place.width / 2;
  }

  // Returns the end of an edge: on the moved box, or on the stream inside an unfolded box.
  end(id, other, side, point) {
    const { known, places, move, ends } = this;
    const box = known.boxes.get(id);
    if (!box) return move(point);
    if (this.isHidden(id)) {
      const { x, y, width, height } = known.rect;
      const inset = Math.min(12, width / 2);
      const at = [Math.min(x + width - inset, Math.max(x + inset, point[0])), side === "out" ? y : y + height];
      const to = move(at);
      ends[side === "out" ? "in" : "out"].set(plain(id), to[0]);
      return to;
    }
    const place = places.get(id), child = this.inner.get(id);
    if (!child) return [point[0] - box.rect.x + place.x, point[1] - box.rect.y + place.y];
    const within = child.ends[side];
    const inside = within.get(plain(other)) ?? [...within.values()][0] ?? child.entry;
    const isAbove = point[1] < box.rect.y + box.rect.height / 2;
    return [place.x + inside - child.rect.x, isAbove ? place.y : place.y + place.height];
  }
}

// Moves an arrowhead to the new end of its edge and rotates it with the edge.
function turn(head, old, made) {
  const points = pairs(head.getAttribute("points"));
  const middle = bounds(points), last = old.length - 1;
  const far = ([x, y]) => Math.hypot(middle.x - x, middle.y - y);
  const isLast = far(old[0]) > far(old[last]);
  const [from, to] = isLast ? [old[last], made[made.length - 1]] : [old[0], made[0]];
  const [before, after] = isLast ? [old[last - 1], made[made.length - 2]] : [old[1], made[1]];
  const by = Math.atan2(to[1] - after[1], to[0] - after[0]) - Math.atan2(from[1] - before[1], from[0] - before[0]);
  const [sin, cos] = [Math.sin(by), Math.cos(by)];
  head.setAttribute("points", points.map(([px, py]) => {
    const [x, y] = [px - from[0], py - from[1]];
    return join([to[0] + x * cos - y * sin, to[1] + x * sin + y * cos]);
  }).join(" "));
}

// Moves the texts of an edge with the nearest point of the edge.
function beside(group, old, made) {
  const before = sampled(old), after = sampled(made);
  for (const text of group.querySelectorAll("text")) {
    const [x, y] = ["x", "y"].map((name) => Number(text.getAttribute(name)));
    const far = before.map((point) => Math.hypot(point[0] - x, point[1] - y));
    const nearest = far.indexOf(Math.min(...far));
    text.setAttribute("x", x + after[nearest][0] - before[nearest][0]);
    text.setAttribute("y", y + after[nearest][1] - before[nearest][1]);
  }
}

function sampled(points) {
  const pieces = (points.length - 1) / 3;
  return Array.from({ length: 61 }, (_, n) => {
    const piece = Math.min(pieces - 1, Math.floor((n * pieces) / 60)), t = (n * pieces) / 60 - piece;
    const [a, b, c, d] = points.slice(3 * piece, 3 * piece + 4);
    return [0, 1].map((i) => (1 - t) ** 3 * a[i] + 3 * (1 - t) ** 2 * t * b[i] + 3 * (1 - t) * t * t * c[i] + t ** 3 * d[i]);
  });
}

function shift(points, which, to, from) {
  const by = [to[0] - from[0], to[1] - from[1]];
  for (const index of which) points[index] = [points[index][0] + by[0], points[index][1] + by[1]];
}

const plain = (id) => id.replace(/^(before|after)-/, "");

// The page.

function draw() {
  const made = build("");
  camera.replaceChildren(made.holder);
  whole = made.rect;
}

function applyViewport() {
  camera.setAttribute("transform", `translate(${viewport.x} ${viewport.y}) scale(${viewport.scale})`);
}

function fit() {
  const { clientWidth: width, clientHeight: height } = canvas;
  viewport.scale = Math.min(2, (width - 20) / whole.width, (height - 20) / whole.height);
  viewport.x = (width - whole.width * viewport.scale) / 2 - whole.x * viewport.scale;
  viewport.y = (height - whole.height * viewport.scale) / 2 - whole.y * viewport.scale;
  applyViewport();
}

// Shows the whole drawing, or its beginning at a readable scale.
function begin() {
  fit();
  if (viewport.scale >= READABLE) return;
  zoom(READABLE / viewport.scale);
  const first = camera.querySelector(".node").getBoundingClientRect(), home = canvas.getBoundingClientRect();
  const isWide = whole.width * READABLE > home.width - 20;
  // A drawing that is also too wide is centred on its first box.
  if (isWide) viewport.x += home.x + home.width / 2 - first.x - first.width / 2;
  viewport.y = 10 - whole.y * viewport.scale;
  applyViewport();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const scale = Math.min(20, Math.max(0.02, viewport.scale * factor));
  viewport.x = x - ((x - viewport.x) * scale) / viewport.scale;
  viewport.y = y - ((y - viewport.y) * scale) / viewport.scale;
  viewport.scale = scale;
  applyViewport();
}

function group(path) {
  return [...camera.querySelectorAll("[data-path]")].find((each) => each.dataset.path === path);
}

function toggle(path, wanted = !open.has(path)) {
  if (data.levels[path] === undefined || !path) return;
  const before = group(path)?.getBoundingClientRect();
  const focused = document.activeElement?.dataset?.path;
  if (wanted) open.add(path);
  else open.delete(path);
  draw();
  applyViewport();
  const after = group(path)?.getBoundingClientRect();
  if (before && after) {
    // The clicked box keeps its position on the screen.
    viewport.x += before.x + before.width / 2 - after.x - after.width / 2;
    viewport.y += before.y - after.y;
    applyViewport();
  }
  if (focused) group(focused)?.focus({ preventScroll: true });
}

function represented(path) {
  // Returns the chain of boxes around a step. Equal neighbours are drawn once, so it may end in an equal step.
  let wanted = path, here = "";
  const chain = [];
  for (;;) {
    const shown = [...level(here).boxes.keys()].filter((id) => facts.has(id));
    let box = shown.filter((id) => wanted === id || wanted.startsWith(`${id}.`)).sort((a, b) => b.length - a.length)[0];
    if (!box) {
      const order = facts.get(wanted)?.order ?? 0;
      box = shown.filter((id) => facts.get(id).order <= order).pop();
      if (!box) return chain;
      const rest = wanted.split(".").slice(box.split(".").length);
      wanted = facts.has([box, ...rest].join(".")) ? [box, ...rest].join(".") : box;
    }
    chain.push(box);
    if (wanted === box || data.levels[box] === undefined || chain.length > 99) return chain;
    here = box;
  }
}

function reveal(path) {
  const chain = path ? represented(path) : [];
  for (const box of chain.slice(0, -1)) open.add(box);
  draw();
  applyViewport();
  const last = chain[chain.length - 1];
  choose(path, last);
  const target = last && group(last);
  if (!target) return;
  const home = canvas.getBoundingClientRect();
  const seen = target.getBoundingClientRect();
  const room = Math.min((home.width - 40) / seen.width, (home.height - 40) / seen.height);
  zoom(Math.min(room, Math.max(1, READABLE / viewport.scale)));
  const rect = target.getBoundingClientRect();
  viewport.x += home.x + home.width / 2 - rect.x - rect.width / 2;
  viewport.y += home.y + home.height / 2 - rect.y - rect.height / 2;
  applyViewport();
  revealing = true;
  target.focus({ preventScroll: true });
  revealing = false;
}

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

const WORDS = {
  call: "call", defaults: "defaults", input: "input", output: "output", parameters: "parameters", macs: "MACs",
  "receptive field": "receptive field", device: "device", "computed by": "computed by", "training only": "training only",
  "shares weights with": "shares weights with", source: "source",
};

function choose(path, box = path) {
  chosen = box;
  for (const each of camera.querySelectorAll(".chosen")) each.classList.remove("chosen");
  if (box) group(box)?.classList.add("chosen");
  const fact = facts.get(path);
  if (!fact) return;
  details.replaceChildren();
  details.dataset.shown = path;
  element("h2", fact.path || fact.title, details);
  if (fact.path && fact.title !== fact.path) element("p", fact.title, details);
  showFacts(fact);
  if (box && box !== path && !path.startsWith(`${box}.`)) element("p", `Drawn as ${box}, which is equal.`, details);
  for (const fused of fact.fused_ops || []) {
    const other = facts.get(fused);
    element("h3", `with ${fused}`, details);
    showFacts(other);
  }
}

function showFacts(fact) {
  const list = element("dl", "", details);
  for (const [key, word] of Object.entries(WORDS)) {
    if (!fact[key]) continue;
    element("dt", word, list);
    element(key === "call" ? "code" : "dd", fact[key], key === "call" ? element("dd", "", list) : list);
  }
  if (fact.code) element("code", fact.code, element("p", "", details));
  if (fact.doc) element("p", fact.doc, details);
  for (const { title, lines } of fact.sections || []) {
    element("h3", title, details);
    for (const line of lines) element("p", line, details);
  }
}

// Search.

function results() {
  const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return data.facts.filter((fact) => {
    const text = `${fact.path} ${fact.title} ${fact.call || ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function list() {
  const some = results().slice(0, 50);
  found.replaceChildren(...some.map((fact, number) => {
    const item = document.createElement("li");
    item.id = `found-${number}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(number === 0));
    item.dataset.target = fact.path;
    item.append(`${fact.path || data.model} `);
    if (fact.title !== fact.path.split(".").pop()) element("span", fact.title, item);
    return item;
  }));
  const any = some.length > 0;
  found.hidden = !any;
  search.setAttribute("aria-expanded", String(any));
  if (any) search.setAttribute("aria-activedescendant", "found-0");
  else search.removeAttribute("aria-activedescendant");
}

function close() {
  found.hidden = true;
  search.setAttribute("aria-expanded", "false");
  search.removeAttribute("aria-activedescendant");
}

function select(step) {
  const items = [...found.children];
  if (!items.length) return;
  const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = (now + step + items.length) % items.length;
  items.forEach((item, number) => item.setAttribute("aria-selected", String(number === next)));
  search.setAttribute("aria-activedescendant", `found-${next}`);
  items[next].scrollIntoView({ block: "nearest" });
}

search.addEventListener("input", list);
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    select(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    const item = found.querySelector("[aria-selected='true']");
    if (item && !found.hidden) {
      close();
      reveal(item.dataset.target);
    }
  } else if (event.key === "Escape") {
    search.value = "";
    close();
    canvas.focus();
  }
  event.stopPropagation();
});
found.addEventListener("mousedown", (event) => {
  const item = event.target.closest("li");
  if (!item) return;
  event.preventDefault();
  close();
  reveal(item.dataset.target);
});
search.addEventListener("blur", close);

// Pointer and keyboard.

let drag = null;
canvas.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, y: event.clientY, moved: false };
});
window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  drag = { x: event.clientX, y: event.clientY, moved: true };
  viewport.x += dx;
  viewport.y += dy;
  applyViewport();
});
window.addEventListener("pointerup", () => setTimeout(() => { drag = null; }));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const home = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 500), event.clientX - home.x, event.clientY - home.y);
}, { passive: false });
canvas.addEventListener("click", (event) => {
  if (drag?.moved) return;
  const path = event.target.closest("[data-path]")?.dataset.path;
  choose(path ?? "");
  if (path) toggle(path);
});
canvas.addEventListener("focusin", (event) => {
  const path = event.target.closest("[data-path]")?.dataset.path;
  if (path && !revealing) choose(path);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
  }
  if (!canvas.contains(document.activeElement)) return;
  const keys = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
    ArrowLeft: () => { viewport.x += 60; applyViewport(); }, ArrowRight: () => { viewport.x -= 60; applyViewport(); },
    ArrowUp: () => { viewport.y += 60; applyViewport(); }, ArrowDown: () => { viewport.y -= 60; applyViewport(); },
    Enter: () => toggle(document.activeElement.dataset.path || ""),
    " ": () => toggle(document.activeElement.dataset.path || ""),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

function all(wanted) {
  open.clear();
  if (wanted) Object.keys(data.levels).forEach((path) => path && open.add(path));
  draw();
  begin();
}

document.getElementById("unfold").addEventListener("click", () => all(true));
document.getElementById("fold").addEventListener("click", () => all(false));
document.getElementById("in").addEventListener("click", () => zoom(1.25));
document.getElementById("out").addEventListener("click", () => zoom(0.8));
document.getElementById("fit").addEventListener("click", fit);
const theme = document.getElementById("theme");
function paint(dark) {
  document.documentElement.classList.toggle("dark", dark);
  theme.textContent = dark ? "Light" : "Dark";
}
theme.addEventListener("click", () => paint(!document.documentElement.classList.contains("dark")));
paint(data.theme ? data.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
draw();
begin();
choose("");
