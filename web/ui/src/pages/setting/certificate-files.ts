/** Files of certificates as the API takes them: PEM as it is, DER in base64. */

export async function asBase64(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export async function asText(file: Blob): Promise<string> {
  const text = await file.text();
  return text.includes('-----BEGIN') ? text : asBase64(file);
}
