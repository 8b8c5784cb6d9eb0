import aws4 from 'aws4';
import { errors } from '../errors.js';

/** Of `bucket.s3.eu-west-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com`, `s3.amazonaws.com` and China's: the region. */
const AWS_HOST = /^(?:.+\.)?s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$/;

/** Bucket names of S3, which also are the first label of a host. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const defaultRegion = (env: NodeJS.ProcessEnv) => env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';

/** Whether the address is one of S3, or of the service that AWS_ENDPOINT_URL_S3 names in its place. */
export function isS3Host(url: URL, env: NodeJS.ProcessEnv): boolean {
  const endpoint = env.AWS_ENDPOINT_URL_S3;
  return AWS_HOST.test(url.hostname) || (Boolean(endpoint) && new URL(endpoint ?? '').origin === url.origin);
}

/** The region that the address names, else AWS_REGION. */
export function s3Region(url: URL, env: NodeJS.ProcessEnv): string {
  return AWS_HOST.exec(url.hostname)?.[1] ?? defaultRegion(env);
}

/**
 * The web address of `s3://bucket/key`.
 * @throws {@link errors.InvalidSource} when it names no bucket or no object
 */
export function s3ObjectUrl({ hostname: bucket, port, pathname }: URL, env: NodeJS.ProcessEnv): URL {
  if (!BUCKET.test(bucket) || port || pathname.length < 2) {
    throw new errors.InvalidSource('The URL names no object in S3: give "s3://bucket/key".');
  }
  if (env.AWS_ENDPOINT_URL_S3) {
    return new URL(`${env.AWS_ENDPOINT_URL_S3.replace(/\/+$/, '')}/${bucket}${pathname}`);
  }
  const host = `s3.${defaultRegion(env)}.amazonaws.com`;
  // A wildcard certificate covers one label: a bucket with dots in its name can only be in the path.
  return new URL(
    bucket.includes('.') ? `https://${host}/${bucket}${pathname}` : `https://${bucket}.${host}${pathname}`,
  );
}

/**
 * Headers that sign a GET of an object (AWS Signature Version 4); none without credentials, for public objects.
 * The credentials are the server's: whoever may create boxes reads what they may read.
 */
export function s3Headers(url: URL, region: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return {};
  const { headers = {} } = aws4.sign(
    { service: 's3', region, host: url.host, path: url.pathname + url.search, headers: {} },
    {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    },
  );
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
