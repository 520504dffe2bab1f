// Groups, roles and functions as cards. What is in a card is made when it is opened.

const goTo = (label, change) =>
  el("button", { type: "button", class: "link", onclick: () => ask(change) }, label);
const roleLink = (role) => goTo(role.name, { view: "roles", role: role.arn });

function granted(finding) {
  const but = (key) => (finding.allBut.includes(key) ? "all but " : "");
  return [but("NotAction"), code(listed(finding.actions)), " on ", but("NotResource"),
    code(listed(finding.resources.map(short)))];
}

const manyFunctions = (names, who) =>
  names.length === 1 ? code(names[0]) : el("span", {}, plural(names.length, DATA.noun), who ? ": " : "", who ? code(who) : "");

// --- groups

function groupCard(group) {
  const summary = [
    severityMark(group.severity),
    el("span", { class: "what" }, code(group.actions), " on ", code(group.resources)),
    el("span", { class: "who" }, manyFunctions(group.functions, group.who)),
    el("span", { class: "why" }, group.claim,
      group.fails ? tag("fails the check", "fails") : null,
      newTag(group.findings),
      group.state === "unconfirmed" ? tag(`not confirmed: ${group.evidence}`, "doubt") : tag(group.evidence)),
  ];
  return box(summary, () => groupBody(group), { class: `card ${group.state}` });
}

// How many of some findings are new since the last run.
function newTag(findings) {
  const number = findings.filter((finding) => finding.isNew).length;
  return number ? tag(number === findings.length ? "new" : `${number} new`, "new") : null;
}

function groupBody(group) {
  const members = el("div", { class: "members" });
  const isFew = group.rows.length <= 3;
  paged(members, group.rows, (row) => memberCard(row.map((place) => model.findings[place]), isFew), "role");
  return [
    group.rule.length ? el("p", {}, "If all of it is needed: ", copyButton("Copy a rule for the group", ruleText(group))) : null,
    gains(group.findings),
    reasonHelp(group.findings.flatMap((finding) => finding.reasons)),
    group.places.length ? facts([["Granted in", listed(group.places, 6)]]) : null,
    members,
  ];
}

// What the group grants in one role. The change is open where there are few.
function memberCard(findings, isOpen) {
  const role = model.roles[findings[0].role];
  const edits = editsOf(role.place).filter((edit) => findings.some((finding) => `${finding.at}` === `${edit.at}`));
  const change = edits.length ? box(["What to change"], () => edits.flatMap(editItem), { class: "inner" }) : null;
  if (change && isOpen) open(change);
  return el("section", { class: "member" },
    el("h4", {}, listed(role.functions), " ", el("small", {}, "role ", roleLink(role))),
    ...findings.map((finding) => findingItem(finding)), change);
}

// What an attacker gains of the most dangerous actions.
function gains(findings) {
  const actions = [...new Set(findings.flatMap((finding) => finding.severe))].filter((action) => DATA.gains[action]);
  if (!actions.length) return null;
  const shown = actions.slice(0, 5).map((action) => el("li", {}, code(action), `: ${DATA.gains[action]}`));
  if (actions.length > 5) shown.push(el("li", {}, `${actions.length - 5} more actions that are known to be dangerous`));
  return el("div", { class: "gains" }, el("h4", {}, "What an attacker would gain"), el("ul", {}, ...shown));
}

function reasonHelp(reasons) {
  const known = [...new Set(reasons)].filter((reason) => reason in DATA.reasons);
  if (!known.length) return null;
  return el("div", { class: "reasons" }, el("h4", {}, "Why it is not confirmed, and what would change that"),
    el("ul", {}, ...known.map((reason) => {
      const [meaning, remedy] = DATA.reasons[reason];
      return el("li", {}, code(reason), ` ${meaning}. `, el("strong", {}, "To remove it: "), `${remedy}.`);
    })));
}

function findingItem(finding) {
  return el("div", { class: "finding" },
    el("p", { class: "grant" }, severityMark(finding.severity), " ", ...granted(finding)),
    el("p", { class: "claim" }, `${finding.verdict}: ${finding.claim || PLAIN_CLAIMS[finding.verdict] || ""}`,
      finding.state === "unconfirmed" ? tag(`not confirmed: ${finding.evidence}`, "doubt") : null,
      finding.state === "confirmed" || finding.state === "accepted" ? tag(finding.evidence) : null,
      finding.fails ? tag("fails the check", "fails") : null,
      newTag([finding]),
      finding.redundant ? tag("redundant: another grant allows the same") : null),
    el("p", { class: "source" }, `${finding.policy}, ${finding.statement}`,
      finding.bundle ? ` · ${finding.bundle}` : "", finding.place ? ` · ${finding.place}` : "",
      finding.condition ? ` · if ${finding.condition}` : "", finding.note ? ` · ${finding.note}` : "", " · ",
      code(finding.id), " ", copyButton("Copy explain", DATA.explain.replace(" explain ID", () => ` explain ${finding.id}`)), " ",
      finding.rule.length ? copyButton("Copy a rule", ruleText(finding)) : null));
}

// What accepts it in the team's configuration, if it is needed after all.
const ruleText = ({ rule }) => `${rule.join("\n")}\n`;

const PLAIN_CLAIMS = { used: "needed as it stands", platform: `AWS itself needs it, as the ${DATA.noun} is configured` };

// --- roles

function bar(role) {
  const text = PARTS.filter(([part]) => role.parts[part])
    .map(([part, name]) => `${role.parts[part]} ${name}`).join(", ");
  const segments = PARTS.filter(([part]) => role.parts[part]).map(([part, name]) => {
    const segment = el("span", { class: `part ${part}`, title: `${role.parts[part]} ${name}` });
    segment.style.flexGrow = role.parts[part];
    return segment;
  });
  return el("span", { class: "bar", role: "img", "aria-label": `${plural(role.granted, "grant")}: ${text}` },
    ...segments);
}

// Everything that all roles grant, and what the colours of the bars mean.
function overview() {
  const parts = PARTS.filter(([part]) => all.parts[part]).map(([part, name]) => el("li", {},
    el("span", { class: `part ${part}`, "aria-hidden": "true" }), el("b", {}, all.parts[part].toLocaleString("en")), ` ${name}`));
  return el("section", { class: "overview", "aria-label": "What the roles grant" },
    el("p", {}, el("b", {}, plural(all.granted, "grant")), ` in ${plural(model.roles.length, "role")}`), bar(all),
    el("ul", {}, ...parts));
}

function roleCard(role) {
  const excess = role.parts.excess;
  const summary = [
    role.worst < SEVERITIES.length ? severityMark(SEVERITIES[role.worst]) : tag("nothing in excess", "fine"),
    el("span", { class: "what" }, code(role.name)),
    el("span", { class: "who" }, manyFunctions(role.functions)),
    el("span", { class: "why" }, bar(role),
      el("span", { class: "numbers" }, `${excess} of ${plural(role.granted, "grant")} in excess`,
        role.parts.doubt ? `, ${role.parts.doubt} more not confirmed` : "")),
  ];
  return box(summary, () => roleBody(role), { class: "card role" });
}

function picture(role) {
  const rows = [["granted", "granted", role.granted], ...PARTS.map(([part, name]) => [part, name, role.parts[part]])];
  return el("dl", { class: "picture" }, ...rows.filter(([, , count]) => count).flatMap(([part, name, count]) => {
    const mark = el("span", { class: `part ${part}` });
    mark.style.width = `${Math.max(0.5, (100 * count) / role.granted)}%`;
    return [el("dt", {}, name), el("dd", {}, el("span", { class: "track" }, mark), el("b", {}, count.toLocaleString("en")))];
  }));
}

const ORDER = ["confirmed", "unconfirmed", "bundle", "unobservable", "accepted", "ineffective", "platform", "used"];
const ORDER_TITLES = { ...STATES, platform: "Needed by AWS itself", used: "Used" };

function roleBody(role) {
  const parts = [
    picture(role),
    facts([
      ["Role", code(role.arn)],
      [`${capital(DATA.noun)}s`, el("span", {}, listed(role.functions, 8), " ", goTo("show", { view: "functions", role: role.arn }))],
      ["Boundary", role.boundary ? code(role.boundary) : ""],
      ["Also assumed by", role.trusted.length ? code(role.trusted.join(", ")) : ""],
      ["Not read", role.problems.join("; ")],
    ]),
    ...changes(role),
  ];
  for (const state of ORDER) {
    const findings = role.findings.filter((finding) => finding.state === state)
      .sort((a, b) => severityPlace.get(a.severity) - severityPlace.get(b.severity));
    if (findings.length) parts.push(findingList(ORDER_TITLES[state], findings, state));
  }
  return parts;
}

function findingList(title, findings, state) {
  const list = () => {
    const container = el("div", { class: "members" });
    paged(container, findings, findingItem, "finding");
    return [reasonHelp(findings.flatMap((finding) => finding.reasons)), container];
  };
  const details = box([title, " ", el("span", { class: "count" }, findings.length)], list, { class: "inner" });
  if (state === "confirmed") open(details);
  return details;
}

// The smaller policy: what changes statement by statement, and as a whole.
function changes(role) {
  const parts = [];
  const edits = editsOf(role.place);
  if (edits.length) parts.push(el("h4", {}, "What to change"), ...edits.flatMap(editItem));
  if (role.policies.length) {
    const whole = () => [
      el("p", {}, "It can take the place of all policies of the role. Of a wildcard it keeps what was seen: add what "
        + `traces cannot show, if the ${DATA.noun} needs it.`),
      ...role.policies.map((lines) => snippet("Copy the policy", `${lines.join("\n")}\n`)),
    ];
    parts.push(box(["The whole smaller policy"], whole, { class: "inner" }));
  }
  if (role.objections.length) parts.push(facts([["No smaller policy", role.objections.join("; ")]]));
  return parts;
}

function editItem(edit) {
  if (edit.template) return [el("p", {}, "In ", code(edit.template), ":"), difference(edit.lines)];
  const where = edit.managedByAws ? "In the place of " : "In ";
  const why = edit.managedByAws ? ", which is AWS's own and cannot be edited" : "";
  return [el("p", {}, where, code(edit.policy), `, ${edit.statement}${why}:`), difference(edit.lines)];
}

// --- functions

function functionCard(item) {
  const role = model.roles[item.role];
  const seen = item.traces ? `${plural(item.traces, "trace")}, ${plural(item.calls, "AWS call")}` : "never traced";
  const summary = [
    item.rights ? tag(item.rights, "fails") : !role ? tag("role not compared", "doubt")
      : role.worst < SEVERITIES.length ? severityMark(SEVERITIES[role.worst]) : tag("no excess found", "fine"),
    el("span", { class: "what" }, code(item.name)),
    el("span", { class: "who" }, item.traces ? seen : tag(seen, "doubt")),
    el("span", { class: "why" }, role ? bar(role) : item.rights ? tag("role not compared") : null,
      item.reported ? null : tag("only shares the role")),
  ];
  return box(summary, () => functionBody(item, role), { class: "card function" });
}

function functionBody(item, role) {
  return [
    facts([
      [item.kind === "lambda" ? "Function" : "Workload", code(item.id)],
      ["Role", role ? roleLink(role) : code(item.roleArn || "unknown")],
      ["Role may be", item.candidates.join("; ")],
      ["Traces", item.incomplete ? `${item.traces}, ${item.incomplete} of them incomplete` : item.traces],
      ["Invocations", item.invocations],
      ["AWS calls", item.calls],
      ["First seen", item.firstSeen && `${item.firstSeen} UTC`],
      ["Last seen", item.lastSeen && `${item.lastSeen} UTC`],
      ["Last changed", item.lastChanged && `${item.lastChanged} UTC`],
      ["All clients traced", item.allClients ? "yes" : "not shown by its traces"],
      ["Held back by", item.reasons.join(", ")],
      ["Not mapped", item.unmapped.join("; ")],
    ]),
    reasonHelp(item.reasons),
    callTable("Permissions that it used", usedBy(item.place), (used) => [
      used.required ? (used.recorded ? "CloudTrail" : "trace") : "possibly",
      used.calls.toLocaleString("en"), used.lastSeen, used.trace], ["Seen by", "Calls", "Last", "A trace"]),
    callTable("Denied by AWS", deniedOf(item.place), (denied) => [denied.calls.toLocaleString("en"), denied.meaning],
      ["Calls", "Meaning"]),
  ];
}

function callTable(title, items, cells, headings) {
  if (!items.length) return null;
  const row = (item) => el("tr", {}, el("td", {}, code(item.action)), el("td", {}, code(short(item.resource))),
    ...cells(item).map((cell) => el("td", {}, cell)));
  return el("div", {}, el("h4", {}, title),
    el("div", { class: "scroll", role: "region", "aria-label": title, tabindex: 0 },
      el("table", {}, el("thead", {}, el("tr", {}, ...["Action", "Resource", ...headings].map((text) => el("th", {}, text)))),
        el("tbody", {}, ...items.map(row)))));
}
