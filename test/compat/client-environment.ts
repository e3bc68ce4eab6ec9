import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An interpreter that has the published client, or why there is none. */
export type ClientEnvironment = { readonly python: string } | { readonly missing: string };

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const INSTALL_LIMIT_MS = 120_000;

/** Makes a virtual environment in `folder` with what requirements.txt pins. Needs python3 with venv, and a package index that answers. */
export async function clientEnvironment(folder: string): Promise<ClientEnvironment> {
  const python = join(folder, 'bin', 'python');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--no-cache-dir', '--timeout', '10', '--retries', '1', '-r', REQUIREMENTS];
  return (
    (await failure('python3', ['-m', 'venv', folder], 'python3 with its venv module is not at hand')) ??
    (await failure(python, pip, 'the client could not be installed from the package index')) ??
    (await failure(python, ['-c', 'import airflow_client.client, airflowctl'], 'the client was installed and cannot be imported')) ?? { python }
  );
}

async function failure(program: string, args: readonly string[], sentence: string): Promise<{ readonly missing: string } | null> {
  try {
    await promisify(execFile)(program, [...args], { timeout: INSTALL_LIMIT_MS });
    return null;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return { missing: `${sentence}: ${(stderr || message).trim().split('\n').slice(-3).join(' ')}` };
  }
}
