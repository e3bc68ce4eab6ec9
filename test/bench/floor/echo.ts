/** The far end of a gRPC stream and of an IPC channel, in a process of its own: sends back what it gets. */
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { FLOOR_SERVICE } from './wire.js';

const server = new Server();
server.addService(FLOOR_SERVICE, {
  session(stream: ServerDuplexStream<object, object>) {
    stream.on('data', (message: object) => stream.write(message));
    stream.on('error', () => stream.end());
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ port });
});
process.on('message', (message) => process.send?.(message));
