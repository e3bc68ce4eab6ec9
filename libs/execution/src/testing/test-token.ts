export const TEST_TOKEN = 'a-token-for-tests-of-at-least-32-characters';
