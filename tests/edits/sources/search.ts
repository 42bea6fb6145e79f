import { EventEmitter } from "node:events";

export interface Document {
  id: string;
  title: string;
  body: string;
  tags?: string[];
}

export interface Hit {
  id: string;
  score: number;
  snippet: string;
}

const STOP_WORDS = new Set(["a", "an", "and", "of", "the", "to"]);

export function tokenize(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1 && !STOP_WORDS.has(word));
}

export class SearchIndex extends EventEmitter {
  private readonly postings = new Map<string, Map<string, number>>();
  private readonly documents = new Map<string, Document>();

  add(document: Document): void {
    if (this.documents.has(document.id)) {
      this.remove(document.id);
    }
    this.documents.set(document.id, document);
    const words = [...tokenize(document.title), ...tokenize(document.body)];
    for (const word of words) {
      const entry = this.postings.get(word) ?? new Map<string, number>();
      entry.set(document.id, (entry.get(document.id) ?? 0) + 1);
      this.postings.set(word, entry);
    }
    this.emit("added", document.id);
  }

  remove(id: string): boolean {
    const known = this.documents.delete(id);
    for (const [word, entry] of this.postings) {
      entry.delete(id);
      if (entry.size === 0) {
        this.postings.delete(word);
      }
    }
    return known;
  }

  search(query: string, limit = 10): Hit[] {
    const scores = new Map<string, number>();
    for (const word of tokenize(query)) {
      const entry = this.postings.get(word);
      if (!entry) continue;
      const rarity = Math.log(1 + this.documents.size / entry.size);
      for (const [id, count] of entry) {
        scores.set(id, (scores.get(id) ?? 0) + count * rarity);
      }
    }
    return [...scores]
      .sort((a, b) => b[1] - a[1])
      .slice(0, limit)
      .map(([id, score]) => ({ id, score, snippet: this.snippet(id, query) }));
  }

  private snippet(id: string, query: string): string {
    const body = this.documents.get(id)?.body ?? "";
    const first = tokenize(query).find((word) => body.toLowerCase().includes(word));
    if (first === undefined) {
      return body.slice(0, 80);
    }
    const at = Math.max(0, body.toLowerCase().indexOf(first) - 30);
    return (at > 0 ? "-- " : "") + body.slice(at, at + 80);
  }
}

export async function loadAll(index: SearchIndex, urls: string[]): Promise<number> {
  let loaded = 0;
  for (const url of urls) {
    const response = await fetch(url);
    if (!response.ok) {
      console.warn(`skipped ${url}: ${response.status}`);
      continue;
    }
    index.add((await response.json()) as Document);
    loaded += 1;
  }
  return loaded;
}
