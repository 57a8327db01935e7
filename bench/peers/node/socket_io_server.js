// Socket.IO as its documentation shows a chat: everybody is in one room, and hears what the others say.
const { createServer } = require("http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

io.on("connection", (socket) => {
  socket.join("room");
  socket.on("say", (event) => socket.to("room").emit("say", event));
});
http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
