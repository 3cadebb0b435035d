// nodemailer. Usage: node nodemailer.js PORT attach FILE | text FILE | mails N
const nodemailer = require("nodemailer");
const [port, what, arg] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port: Number(port), secure: false, ignoreTLS: true, pool: true, maxConnections: 1, maxMessages: Infinity,
});
const mail = { from: "a@x.test", to: "b@x.test", subject: "bench", text: "hi\n" };
if (what === "mails") mail.text = ("x".repeat(63) + "\n").repeat(16);
else if (what === "attach") mail.attachments = [{ path: arg }];
else mail.attachments = [{ path: arg, contentType: "text/plain", contentTransferEncoding: "quoted-printable" }];

(async () => {
  for (let i = what === "mails" ? Number(arg) : 1; i > 0; i--) await transport.sendMail(mail);
  transport.close();
})();
