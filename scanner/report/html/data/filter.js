// What is asked for, and what fits it.

const STATES = {
  confirmed: "Confirmed",
  unconfirmed: "Not confirmed",
  bundle: "No smaller bundle fits",
  unobservable: "Traces cannot show it",
  ineffective: "Has no effect",
  accepted: "Accepted by the team",
  fails: "Fails the check",
  new: "New since the last run",
};
const SELECTS = {
  verdict: "Verdict",
  state: "State",
  service: "Service",
  framework: "Framework",
  role: "Role",
};
const wanted = { view: "groups", q: "", severity: new Set(), verdict: "", state: "", service: "", framework: "", role: "" };

const distinct = (items) => [...new Set(items)].sort();
const inFilter = model.findings.filter((finding) => isExcess(finding) || finding.state in STATES);

const CHOICES = {
  verdict: () => distinct(inFilter.map((finding) => finding.verdict)).map((verdict) => [verdict, verdict]),
  state: () => Object.entries(STATES).filter(([state]) => inFilter.some((finding) => hasState(finding, state))),
  service: () => distinct(inFilter.flatMap((finding) => finding.services))
    .map((service) => [service, service === "*" ? "* (every service)" : service]),
  framework: () => {
    const names = distinct(inFilter.map((finding) => finding.framework).filter(Boolean))
      .map((name) => [name, name === "AWS" ? "AWS managed policy" : name]);
    return names.length ? [...names, ["-", "none known"]] : [];
  },
  role: () => model.roles.map((role) => [role.arn, role.name]).sort(([, a], [, b]) => (a < b ? -1 : 1)),
};

const FLAGS = { fails: "fails", new: "isNew" };
const hasState = (finding, state) => (state in FLAGS ? finding[FLAGS[state]] === 1 : finding.state === state);
const words = () => wanted.q.toLowerCase().split(/\s+/).filter(Boolean);
const asksForFindings = () =>
  Boolean(wanted.severity.size || wanted.verdict || wanted.state || wanted.service || wanted.framework);

function textOf(finding) {
  if (finding.text === undefined) {
    const role = model.roles[finding.role];
    finding.text = [finding.id, finding.verdict, finding.severity, DATA.effects[finding.severity], finding.claim,
      finding.policy, finding.statement, finding.place, finding.bundle, ...finding.reasons, ...finding.actions,
      ...finding.resources, role.name, ...role.functions].join("\n").toLowerCase();
  }
  return finding.text;
}

function textOfFunction(item) {
  if (item.text === undefined) {
    const used = usedBy(item.place).flatMap((permission) => [permission.action, permission.resource]);
    item.text = [item.name, item.id, item.roleArn, item.rights, item.traces ? "" : "never traced", ...item.reasons,
      ...used].join("\n").toLowerCase();
  }
  return item.text;
}

const textOfRole = (role) => `${role.arn}\n${role.functions.join("\n")}`.toLowerCase();
const holds = (text, terms) => terms.every((term) => text.includes(term));

// Whether a finding is asked for by all but the search.
function isWanted(finding) {
  return (!wanted.severity.size || wanted.severity.has(finding.severity))
    && (!wanted.verdict || finding.verdict === wanted.verdict)
    && (!wanted.state || hasState(finding, wanted.state))
    && (!wanted.service || finding.services.includes(wanted.service))
    && (!wanted.framework || (finding.framework || "-") === wanted.framework)
    && (!wanted.role || model.roles[finding.role].arn === wanted.role);
}

function groupsWanted() {
  const terms = words();
  return model.groups.filter((group) =>
    group.findings.some((finding) => isWanted(finding) && holds(textOf(finding), terms)));
}

function rolesWanted() {
  const terms = words();
  const isExcessAsked = asksForFindings();
  return model.roles.filter((role) => {
    if (wanted.role && role.arn !== wanted.role) return false;
    if (!isExcessAsked && holds(textOfRole(role), terms)) return true;
    return role.findings.some((finding) =>
      (isExcess(finding) || isExcessAsked || terms.length) && isWanted(finding) && holds(textOf(finding), terms));
  }).sort((a, b) => a.worst - b.worst || b.parts.excess - a.parts.excess || (a.name < b.name ? -1 : 1));
}

function functionsWanted() {
  const terms = words();
  return model.functions.filter((item) => {
    const role = model.roles[item.role];
    if (wanted.role && item.roleArn !== wanted.role) return false;
    if (asksForFindings() && !(role && role.findings.some(isWanted))) return false;
    return holds(textOfFunction(item), terms);
  }).sort((a, b) => worstOf(a) - worstOf(b) || (a.name < b.name ? -1 : 1));
}

const worstOf = (item) => (item.rights ? -1 : model.roles[item.role] ? model.roles[item.role].worst : SEVERITIES.length);

// The address names what is asked for, so that it can be shared.
function toAddress() {
  const asked = Object.entries(wanted).map(([key, value]) => [key, value instanceof Set ? [...value].join(" ") : value]);
  const query = new URLSearchParams(asked.filter(([key, value]) => value && !(key === "view" && value === "groups")));
  try {
    history.replaceState(null, "", query.size ? `#${query}` : location.pathname + location.search);
  } catch { /* within a frame of another site: there is no address to share */ }
}

function fromAddress() {
  const query = new URLSearchParams(location.hash.slice(1));
  if (query.get("view") in VIEWS) wanted.view = query.get("view");
  for (const key of ["q", ...Object.keys(SELECTS)]) wanted[key] = query.get(key) || "";
  wanted.severity = new Set((query.get("severity") || "").split(" ").filter((name) => severityPlace.has(name)));
}
