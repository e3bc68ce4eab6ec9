/** Longest password that is hashed: a megabyte of it would be a cheap way to keep the processor busy. */
export const PASSWORD_MAX_CHARS = 1_000;

/** Beginnings of every list of stolen passwords; longer ones are these with something at the end. */
const COMMON = ['password', 'passw0rd', 'qwerty', 'letmein', 'welcome', 'admin', 'changeme', 'iloveyou', 'millrace', 'airflow', '12345678', '123456789'];

/** What is wrong with a password somebody chose; null: nothing. Length counts, kinds of characters do not (NIST SP 800-63B). */
export function passwordProblem(password: string, userName: string, minChars: number): string | null {
  const characters = [...password];
  if (characters.length < minChars) return `a password has at least ${minChars} characters, this one has ${characters.length}`;
  if (password.length > PASSWORD_MAX_CHARS) return `a password has at most ${PASSWORD_MAX_CHARS} characters`;
  if (new Set(characters).size < 5) return 'a password has at least five different characters';
  const plain = password.toLowerCase();
  if (userName.length >= 4 && plain.includes(userName.toLowerCase())) return "a password does not hold its user's name";
  const common = COMMON.find((word) => plain.replace(/[^a-z]+$/, '') === word || plain === word);
  return common === undefined ? null : `a password is not "${common}" with something at its end`;
}
