import { statusOf } from './docker.js';
import { reason } from './refusal.js';

/** What certificates have to do with an engine that does not answer, by Node's and OpenSSL's codes, and what to do. */
const CERTIFICATES: [code: RegExp, why: string][] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'its certificate is not for that address: make it one that is, or use a name or an address that it has',
  ],
  [
    /^(UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?|CERT_SIGNATURE_FAILURE)$/,
    'its certificate is not signed by the authority of ca.pem in DOCKER_CERT_PATH',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: give it another'],
  [/^CERT_NOT_YET_VALID$/, "its certificate is not valid yet: see to the machines' clocks"],
  [
    /^ERR_SSL_(SSLV3|TLSV1|TLSV13)_ALERT_/,
    'it does not accept cert.pem of DOCKER_CERT_PATH: its tlscacert has to be the authority that signed it, and neither may have expired',
  ],
  [/^(EPROTO|ERR_SSL_)/, 'it does not speak TLS there, and DOCKER_CERT_PATH asks for it'],
];

/** Why an engine does not answer, and what to do about that, for whoever runs the service. */
export function whySilent(error: Error): string {
  const { code = '', name } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError') return 'it does not answer in time';
  const [, why] = CERTIFICATES.find(([pattern]) => pattern.test(code)) ?? [];
  if (why) return why;
  if (statusOf(error) === 400 && /HTTPS/.test(reason(error))) {
    return 'it wants TLS: set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem';
  }
  return reason(error);
}
