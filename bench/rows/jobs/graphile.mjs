// Runs jobs through graphile-worker and prints figures as JSON. Called by the benchmark, beside its node_modules.
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const [how, connectionString, count] = process.argv.slice(2);
const jobs = Number(count);
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();

const common = { connectionString, logger, noHandleSignals: true, pollInterval: 1000, crontab: "" };

/// Everything is there at the beginning; the settings that its authors measure with.
async function rate() {
    const batch = 1000;
    for (let at = 0; at < jobs; at += batch) {
        await utils.addJobs(Array.from({ length: Math.min(batch, jobs - at) }, (_, n) => ({ identifier: "nothing", payload: { n: at + n } })));
    }
    let done = 0;
    let finished;
    const all = new Promise((resolve) => (finished = resolve));
    const preset = { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0, concurrentJobs: 24 } };
    const began = performance.now();
    const runner = await run({ ...common, preset, concurrency: 24, taskList: { nothing: () => { if (++done === jobs) finished(); } } });
    await all;
    const seconds = (performance.now() - began) / 1000;
    await runner.stop();
    return [jobs / seconds];
}

/// One after the other, each timed from before it is added to when it begins.
async function wait() {
    const sent = new Map();
    const millis = [];
    let finished;
    const all = new Promise((resolve) => (finished = resolve));
    const nothing = ({ n }) => {
        millis.push(performance.now() - sent.get(n));
        if (millis.length === jobs + 20) finished();
    };
    const runner = await run({ ...common, concurrency: 8, taskList: { nothing } });
    for (let n = 0; n < jobs + 20; n++) {
        sent.set(n, performance.now());
        await utils.addJob("nothing", { n });
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 8 - (performance.now() - sent.get(n)))));
    }
    await all;
    await runner.stop();
    return millis.slice(20);
}

const figures = how === "rate" ? await rate() : await wait();
await utils.release();
console.log(JSON.stringify(figures));
process.exit(0);
