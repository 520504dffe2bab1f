// Elements. Texts become text nodes only: no text of AWS or a trace can be markup.

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const code = (text) => el("code", {}, text);
const severityMark = (severity) =>
  el("span", { class: `severity ${severity}` }, DATA.effects[severity] || severity);
const tag = (text, kind = "") => el("span", { class: `tag ${kind}` }, text);

// A box that opens; what is in it is made when it is opened.
function box(summary, content, attributes = {}) {
  const details = el("details", attributes, el("summary", {}, ...summary));
  details.fill = () => {
    if (details.filled) return;
    details.filled = true;
    details.append(el("div", { class: "body" }, ...content()));
  };
  details.addEventListener("toggle", () => details.open && details.fill());
  return details;
}

function open(details) {
  details.open = true;
  details.fill();
}

const live = el("p", { class: "visually-hidden", role: "status" });

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "visually-hidden", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function copyButton(label, text) {
  const button = el("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    const done = await copied(text);
    button.focus();
    button.textContent = done ? "Copied" : "Select and copy by hand";
    live.textContent = button.textContent;
    setTimeout(() => { button.textContent = label; }, 1600);
  });
  return button;
}

const lineKind = (line) => (line.startsWith("-") ? "del" : line.startsWith("+") ? "ins" : "span");

// A difference: lines that begin with `-`, `+` or a space. Its button copies it as a patch's text.
function difference(lines) {
  const shown = lines.map((line) => el(lineKind(line), {}, `${line}\n`));
  return el("div", { class: "snippet" }, copyButton("Copy the diff", `${lines.join("\n")}\n`),
    el("pre", { class: "diff", tabindex: 0 }, ...shown));
}

function snippet(label, text) {
  return el("div", { class: "snippet" }, copyButton(label, text), el("pre", { tabindex: 0 }, text));
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return el("dl", { class: "pairs" },
    ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, ...[value].flat())]));
}

// Items of a long list, some at a time: more come when its end is near, or with the button.
const PAGE = 40;

function paged(container, items, make, noun) {
  let shown = 0;
  const more = el("button", { type: "button", class: "more" });
  const show = (count) => {
    const next = items.slice(shown, shown + count);
    shown += next.length;
    more.before(...next.map(make));
    more.hidden = shown >= items.length;
    more.textContent = `Show more: ${plural(items.length - shown, noun)} left`;
  };
  container.replaceChildren(more);
  show(PAGE);
  more.addEventListener("click", () => show(PAGE));
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !more.hidden) show(PAGE);
  }, { rootMargin: "600px" });
  watch.observe(more);
  container.showAll = () => show(items.length);
  return { all: container.showAll, end: () => watch.disconnect() };
}
