// Runs the application under the SDK of this environment: as Lambda does, or as a server answers one request.
const context = {
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  invokedFunctionArn: process.env.INVOKED_FUNCTION_ARN,
  awsRequestId: "8b7f2a52-0d3c-4c52-9d5b-6f4a5a3a1c77",
};

function invoked() {
  const [module, name] = process.env._HANDLER.split(".");
  return require(`${process.env.LAMBDA_TASK_ROOT}/${module}`)[name]({}, context);
}

async function withXRay() {
  const xray = require("aws-xray-sdk-core");
  const plugins = (process.env.XRAY_PLUGINS ?? "").split(",").filter(Boolean);
  xray.config(plugins.map((name) => xray.plugins[name]));
  if (process.env._HANDLER) return invoked();
  xray.setStreamingThreshold(10);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // plugins ask for metadata
  const segment = new xray.Segment(process.env.OTEL_SERVICE_NAME);
  const { handler } = require("./handler");
  return xray.getNamespace().runPromise(async () => {
    xray.setSegment(segment);
    await handler();
    segment.close();
  });
}

async function withOpenTelemetry() {
  const { trace, SpanKind } = require("@opentelemetry/api");
  if (process.env._HANDLER) {
    await invoked();
  } else {
    const tracer = trace.getTracer("shop");
    await tracer.startActiveSpan("POST /orders", { kind: SpanKind.SERVER }, async (span) => {
      await require("./handler").handler();
      span.end();
    });
  }
  const provider = trace.getTracerProvider();
  await (provider.getDelegate?.() ?? provider).forceFlush?.();
}

(process.env.SDK === "xray" ? withXRay() : withOpenTelemetry())
  .then(() => setTimeout(() => process.exit(0), 1500)) // what is sent over UDP leaves
  .catch((error) => {
    console.log("broke", error);
    process.exit(1);
  });
