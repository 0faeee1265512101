/** Texts of a language, see `scripts/messages.ts`. */
declare module 'messages:*' {
  const texts: Record<string, string>;
  export default texts;
}
