// The application that is captured: the calls of script.jsonl, one after the other, as the AWS SDK makes them.
const fs = require("node:fs");
const path = require("node:path");
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const SCRIPT = path.join(__dirname, "..", "script.jsonl");

function dated(value) {
  if (Array.isArray(value)) return value.map(dated);
  if (value === null || typeof value !== "object") return value;
  if ("$date" in value) return new Date(value.$date * 1000);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, dated(inner)]));
}

// texts stand for bytes in the members that hold them
function withBytes(call) {
  const parameters = dated(call.parameters);
  for (const name of ["Data", "Plaintext", "payload"]) {
    if (typeof parameters[name] === "string") parameters[name] = Buffer.from(parameters[name]);
  }
  if (call.service === "firehose") parameters.Record.Data = Buffer.from(parameters.Record.Data);
  return parameters;
}

async function make(call) {
  const sdk = require(`@aws-sdk/client-${call.node ?? call.service}`);
  const name = Object.keys(sdk).find((key) => /^[A-Z]\w+Client$/.test(key));
  const endpoint = call.endpoint && `https://${call.endpoint}`;
  // some clients speak HTTP/2, which the stand-in does not
  const requestHandler = new NodeHttpHandler();
  let client = new sdk[name]({ maxAttempts: 1, requestHandler, ...(endpoint && { endpoint }) });
  if (process.env.SDK === "xray") client = require("aws-xray-sdk-core").captureAWSv3Client(client);
  const outcome = call.outcome ?? "ok";
  try {
    await client.send(new sdk[`${call.operation}Command`](withBytes(call)));
  } catch (error) {
    if (outcome === "ok") console.log("failed", call.service, call.operation, String(error).slice(0, 300));
    return;
  }
  if (outcome !== "ok") console.log("went well", call.service, call.operation);
}

exports.handler = async () => {
  const calls = fs.readFileSync(SCRIPT, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const chosen = calls.filter((call) => call.short || !process.env.SHORT_SCRIPT);
  for (const call of chosen) await make(call);
  return { calls: chosen.length };
};
