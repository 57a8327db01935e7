// Node `ws` as its documentation shows a broadcast: what one socket says goes to all the others.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });

server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (data) => {
    for (const client of server.clients) {
      if (client !== socket && client.readyState === 1) client.send(data, { binary: false });
    }
  });
});
