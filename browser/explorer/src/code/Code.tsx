/** The view as code: what this page asks, for a terminal, for ClickHouse, for a program. */

import { useState } from "preact/hooks";
import { getJson } from "../api/client";
import { key } from "../api/key";
import { useData } from "../api/useData";
import { Problem } from "../shell/Problem";
import { toast } from "../shell/toasts";
import { apiParameters, type Parameters, type View, type ViewProps } from "../state/view";
import { curl } from "./curl";
import { python } from "./python";
import type { Request } from "./request";
import { sql, type DryRun } from "./sql";
import "./code.css";

const LANGUAGES = ["curl", "SQL", "Python"] as const;
type Language = (typeof LANGUAGES)[number];

const TOLD: Readonly<Record<Language, string>> = {
  curl: "The first page, for any shell.",
  SQL: "What ClickHouse is asked for the first page, for clickhouse-client in Actionlog's database. Values are bound.",
  Python: "All pages, one action a line, with nothing but Python's standard library.",
};

export function Code({ view, stamp }: ViewProps) {
  const [language, setLanguage] = useState<Language>("curl");
  return (
    <div class="code">
      <div class="code-languages" role="group" aria-label="Language">
        {LANGUAGES.map((one) => (
          <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
            {one}
          </button>
        ))}
      </div>
      <div>
        <p class="muted">
          {TOLD[language]}
          {key() !== null && language !== "SQL" && " Your read key is expected in the variable ACTIONLOG_KEY."}
        </p>
        {language === "SQL" ? <Sql view={view} stamp={stamp} /> : <Text text={written(view, language)} />}
      </div>
    </div>
  );
}

function written(view: View, language: "curl" | "Python"): string {
  const request = requestOf(view);
  return language === "curl" ? curl(request) : python(request);
}

function asked(view: View): Parameters {
  const order: Parameters = view.order === "asc" ? [["order", "asc"]] : [];
  return [...apiParameters(view), ...order, ["limit", "100"]];
}

function requestOf(view: View): Request {
  return { origin: location.origin, path: "/log", parameters: asked(view), needsKey: key() !== null };
}

function Sql({ view, stamp }: Pick<ViewProps, "view" | "stamp">) {
  const parameters: Parameters = [...asked(view), ["dryRun", "true"]];
  const { data, error, again } = useData(JSON.stringify([parameters, stamp]), (signal) =>
    getJson<DryRun>("/log", parameters, { signal }),
  );
  if (error) return <Problem error={error} again={again} />;
  return data ? <Text text={sql(data)} /> : <p class="muted">Asking…</p>;
}

function Text({ text }: { readonly text: string }) {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied.");
    } catch {
      toast("The browser does not let this page copy.");
    }
  };
  return (
    <div class="code-box">
      <button type="button" class="code-copy" onClick={() => void copy()}>
        Copy
      </button>
      <pre tabIndex={0} aria-label="Code">{text}</pre>
    </div>
  );
}
