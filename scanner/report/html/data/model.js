// The data of the page: columns of numbers and positions of shared texts -> objects.

const DATA = JSON.parse(document.getElementById("data").textContent);

const capital = (word) => word[0].toUpperCase() + word.slice(1);

// A character of the private area stands for the start of an ARN; a list holds the positions of its texts.
const whole = (value) => value.replace(/[\ue000-\uf8ff]/g, (sign) => DATA.heads[sign.charCodeAt(0) - 0xe000]);
const made = new Map();
function text(position) {
  if (!made.has(position)) {
    const value = DATA.texts[position];
    made.set(position, Array.isArray(value) ? value.map(text) : whole(value));
  }
  return made.get(position);
}

function records({ rows, same, columns }) {
  const fill = ([column, values]) => {
    const isText = column.endsWith("$");
    return [column.replace("$", ""), (at) => (isText ? text(values(at)) : values(at))];
  };
  const fields = [
    ...Object.entries(same).map(([column, value]) => fill([column, () => value])),
    ...Object.entries(columns).map(([column, values]) => fill([column, (at) => values[at]])),
  ];
  return Array.from({ length: rows }, (_, place) => {
    const record = { place };
    for (const [name, value] of fields) record[name] = value(place);
    return record;
  });
}

const model = Object.fromEntries(
  Object.entries(DATA.tables).map(([name, table]) => [name, records(table)]),
);
const SEVERITIES = Object.keys(DATA.effects);
const severityPlace = new Map(SEVERITIES.map((severity, at) => [severity, at]));

function byPlace(items, key) {
  const lists = new Map();
  for (const item of items) {
    const list = lists.get(item[key]);
    if (list) list.push(item);
    else lists.set(item[key], [item]);
  }
  return (place) => lists.get(place) || [];
}

const findingsOf = byPlace(model.findings, "role");
const editsOf = byPlace(model.edits, "role");
const functionsOf = byPlace(model.functions, "role");
const usedBy = byPlace(model.used, "function");
const deniedOf = byPlace(model.denied, "function");

const serviceOf = (action) => (action.includes(":") ? action.split(":")[0].toLowerCase() : "*");
const isExcess = (finding) => finding.state === "confirmed" || finding.state === "unconfirmed";
const isOpen = (finding) => finding.verdict === "unused" || finding.verdict === "broad";

for (const finding of model.findings) {
  finding.services = [...new Set(finding.actions.map(serviceOf))];
  finding.grants = finding.actions.length * finding.resources.length;
}

// Roles: what is granted, by what became of it. A grant is an action on a resource, as the policy spells them.
const PARTS = [
  ["used", "used"],
  ["platform", "needed by AWS itself"],
  ["excess", "excess"],
  ["doubt", "excess, not confirmed"],
  ["rest", "cannot be seen, no effect, accepted, or of a bundle that fits"],
];

const noParts = () => Object.fromEntries(PARTS.map(([part]) => [part, 0]));

function partOf(finding) {
  if (finding.state === "confirmed") return "excess";
  if (finding.state === "unconfirmed") return "doubt";
  return finding.state === "used" || finding.state === "platform" ? finding.state : "rest";
}

for (const role of model.roles) {
  role.findings = findingsOf(role.place);
  role.granted = 0;
  role.parts = noParts();
  role.worst = SEVERITIES.length;
  for (const finding of role.findings) {
    role.granted += finding.grants;
    role.parts[partOf(finding)] += finding.grants;
    if (isExcess(finding)) role.worst = Math.min(role.worst, severityPlace.get(finding.severity));
  }
}
const all = { granted: 0, parts: noParts() };
for (const role of model.roles) {
  all.granted += role.granted;
  for (const part of Object.keys(all.parts)) all.parts[part] += role.parts[part];
}
for (const group of model.groups) {
  group.findings = group.rows.flat().map((at) => model.findings[at]);
}

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const short = (arn) => {
  const parts = arn.split(":");
  const rest = parts.slice(5).join(":");
  return parts[0] === "arn" && rest && rest !== "*" ? rest : arn;
};
function listed(items, most = 4) {
  if (items.length <= most + 1) return items.join(", ");
  return `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}
