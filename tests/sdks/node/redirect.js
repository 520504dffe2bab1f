// Loaded first: requests to AWS and to the metadata service of EC2 go to the stand-in, under their own names.
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");

const port = Number(process.env.STAND_IN_PORT);
const toHttp = http.Agent.prototype.createConnection;
const standIn = (callback) => net.connect(port, "127.0.0.1", callback && (() => {}));

https.Agent.prototype.createConnection = () => standIn();
http.Agent.prototype.createConnection = function (options, callback) {
  return options.host === "169.254.169.254" ? standIn() : toHttp.call(this, options, callback);
};
