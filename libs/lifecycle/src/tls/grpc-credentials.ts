import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles } from './tls-files.js';

/**
 * How a gRPC server answers: in the clear without files; encrypted with them; and with `mutual` only to callers whose certificate the authority has signed.
 */
export function serverCredentials(tls: TlsFiles | null, mutual: boolean): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(tls.ca, [{ cert_chain: tls.cert, private_key: tls.key }], mutual && tls.ca !== null);
}

/** How a service calls another's gRPC; the other's certificate must be signed by the authority and name the host that is called. */
export function channelCredentials(tls: TlsFiles | null): ChannelCredentials {
  if (tls === null) return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert);
}
