// The live picture of a network: the drawing comes once, then only what has changed of each node.

const COLOURS = {
  idle: "#94a3b8", waiting: "#94a3b8", running: "#2f81f7", backing_off: "#d9910b", finished: "#2da44e",
  failed: "#e5484d", skipped: "#b0a8c8", cancelled: "#7d8796",
};
const FAILING = "#e5484d";
// The least size of a drawing, of its own.
const SMALLEST = 0.7;

const count = (number) =>
  number >= 1e6 ? (number / 1e6).toFixed(1) + "M" : number >= 1e4 ? (number / 1e3).toFixed(0) + "k"
    : number >= 1e3 ? (number / 1e3).toFixed(1) + "k" : number >= 10 || number === 0 ? number.toFixed(0) : number.toFixed(1);
const whole = (number) => (number < 1e4 ? number.toLocaleString("en") : count(number));
const fillColour = (fill) => (fill >= 0.9 ? "#e5484d" : fill >= 0.6 ? "#d9910b" : "#2f81f7");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function render({ model, el }) {
  const root = element("div", "reflow-live");
  const head = element("div", "reflow-head");
  const drawing = element("div", "reflow-drawing");
  const panel = element("div", "reflow-panel");
  panel.hidden = true;
  const body = element("div", "reflow-body");
  body.append(drawing, panel);
  root.append(head, body);
  el.append(root);

  let parts = new Map(); // by node: the elements that change
  let chosen = null;
  let due = false;

  function draw() {
    drawing.innerHTML = model.get("svg");
    const svg = drawing.querySelector("svg");
    parts = new Map();
    if (svg) {
      // Fits the page, unless nobody could read it then: it scrolls.
      const { width } = svg.viewBox.baseVal;
      svg.style.maxWidth = "100%";
      svg.style.minWidth = `${Math.round(width * SMALLEST)}px`;
      svg.style.height = "auto";
      // Beside a wide drawing there would be no room for both.
      root.classList.toggle("reflow-wide", width > 2.2 * svg.viewBox.baseVal.height);
      for (const group of svg.querySelectorAll("g[data-node]")) {
        const fill = group.querySelector(".fill");
        const track = group.querySelector(".track");
        parts.set(group.dataset.node, {
          group, state: group.querySelector(".state"), dot: group.querySelector(".dot"),
          status: group.querySelector(".status"), fill, room: track ? Number(track.getAttribute("width")) : 0,
        });
        group.setAttribute("tabindex", "0");
        group.setAttribute("role", "button");
      }
    }
    update();
  }

  function update() {
    due = false;
    const live = model.get("live");
    head.replaceChildren(element("b", "", live.state ?? "not started"));
    if (live.seconds !== undefined) head.append(element("span", "", live.seconds.toFixed(1) + " s"));
    const over = ["finished", "failed", "cancelled"].includes(live.state);
    if (live.rate !== undefined && !over) head.append(element("span", "", count(live.rate) + " packets/s"));
    if (live.packets && over) head.append(element("span", "", whole(live.packets) + (live.packets === 1 ? " packet" : " packets")));
    if (live.failures) head.append(element("span", "reflow-bad", whole(live.failures) + " failed"));
    if (!model.get("redraws")) {
      for (const [node, row] of Object.entries(live.nodes ?? {})) {
        const part = parts.get(node);
        if (!part) continue;
        const failing = row.state === "failed" || (row.failures > 0 && row.state !== "cancelled" && row.state !== "skipped");
        const colour = failing ? FAILING : COLOURS[row.state] ?? "#94a3b8";
        part.state?.setAttribute("stroke", colour);
        if (row.state === "cancelled") part.state?.setAttribute("stroke-dasharray", "4 3");
        else part.state?.removeAttribute("stroke-dasharray");
        part.dot?.setAttribute("fill", colour);
        if (part.status) {
          const rate = row.rate > 0 ? ` · ${count(row.rate)}/s` : row.ticks ? ` · ${whole(row.ticks)} ${row.ticks === 1 ? "tick" : "ticks"}` : "";
          const failed = row.failures ? ` · ${whole(row.failures)} failed` : "";
          part.status.textContent = row.state.replace("_", " ") + rate + failed;
          part.status.setAttribute("class", failing ? "bad status" : "label status");
        }
        if (part.fill) {
          part.fill.setAttribute("width", (part.room * Math.min(1, Math.max(0, row.fill))).toFixed(1));
          part.fill.setAttribute("fill", fillColour(row.fill));
        }
      }
    }
    if (chosen !== null) describe();
  }

  function row(table, name, value) {
    const line = table.insertRow();
    line.append(element("th", "", name), element("td", "", value));
  }

  function describe() {
    const known = model.get("nodes")[chosen] ?? {};
    const live = model.get("live").nodes?.[chosen];
    const notes = model.get("notes")[chosen] ?? {};
    const title = element("div", "reflow-title");
    const close = element("button", "", "×");
    close.title = "Close";
    close.onclick = () => choose(null);
    title.append(element("b", "", chosen), element("span", "", known.component ?? ""), close);
    const parts = [title];
    const section = (...inner) => {
      const made = element("section");
      made.append(...inner);
      parts.push(made);
    };
    if (live) {
      const table = element("table");
      row(table, "state", live.state.replace("_", " "));
      row(table, "ticks", `${live.ticks.toLocaleString("en")} (${count(live.rate)}/s)`);
      row(table, "packets", `${live.packets_in.toLocaleString("en")} in, ${live.packets_out.toLocaleString("en")} out`);
      row(table, "busy", `${(live.busy * 100).toFixed(0)} %, waiting for room ${(live.blocked * 100).toFixed(0)} %`);
      row(table, "queue", `${live.queued.toLocaleString("en")} packets, ${(live.fill * 100).toFixed(0)} % full`);
      row(table, "failures", live.failures.toLocaleString("en"));
      section(table);
    }
    if (known.config) section(element("h4", "", "config"), element("pre", "", known.config));
    if (notes.failure) {
      const [error, where] = notes.failure;
      section(element("h4", "reflow-bad", "last failure"), element("p", "", error), element("pre", "", where));
      parts.at(-1).className = "reflow-failure";
    }
    if (notes.samples?.length) {
      const lines = notes.samples.map(([port, value]) => {
        const line = element("div", "reflow-sample");
        line.append(element("code", "", port), element("code", "", value));
        return line;
      });
      section(element("h4", "", "packets, a sample"), ...lines);
    }
    const at = panel.scrollTop;
    panel.replaceChildren(...parts);
    panel.scrollTop = at;
  }

  function choose(node) {
    if (chosen !== null) parts.get(chosen)?.group.classList.remove("reflow-chosen");
    chosen = node;
    panel.hidden = node === null;
    root.classList.toggle("reflow-open", node !== null);
    if (node !== null) {
      parts.get(node)?.group.classList.add("reflow-chosen");
      describe();
    }
  }

  const nodeOf = (event) => event.target.closest?.("g[data-node]")?.dataset.node ?? null;
  drawing.addEventListener("click", (event) => {
    const node = nodeOf(event);
    if (node !== null) choose(node === chosen ? null : node);
  });
  drawing.addEventListener("keydown", (event) => {
    const node = nodeOf(event);
    if (node !== null && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      choose(node === chosen ? null : node);
    }
    if (event.key === "Escape") choose(null);
  });
  // However often news come, the page is drawn once a frame.
  const soon = () => {
    if (!due) {
      due = true;
      requestAnimationFrame(update);
    }
  };
  model.on("change:svg", draw);
  model.on("change:live", soon);
  model.on("change:notes", soon);
  draw();
  return () => {
    model.off("change:svg", draw);
    model.off("change:live", soon);
    model.off("change:notes", soon);
  };
}

export default { render };
