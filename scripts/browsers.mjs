// The browsers that the tests drive: those that are installed, else Debian's.
import { existsSync } from 'node:fs';
import { aptInstall, Failure, which } from './process.mjs';

const browsers = {
  chromium: {
    variable: 'CHROMIUM_PATH',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    places: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'],
    package: 'chromium',
  },
  firefox: {
    variable: 'FIREFOX_PATH',
    names: ['firefox-esr', 'firefox'],
    places: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
    package: 'firefox-esr',
  },
};

/** For Chromium: nothing on that would reach for a network or a graphics card. */
export const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The executable of 'chromium' or 'firefox', or undefined when it is not installed. */
export function findBrowser(name) {
  const { variable, names, places } = browsers[name];
  return process.env[variable] || names.map(which).find(Boolean) || places.find(existsSync);
}

/** As `findBrowser`, installing the system's package where that is possible. */
export async function provideBrowser(name) {
  const found = findBrowser(name);
  if (found) return found;
  const { variable, package: debian } = browsers[name];
  const why = `the tests need ${name}: install it, or set ${variable} to its executable`;
  console.log(`browsers: installing ${debian}`);
  await aptInstall([debian], why);
  const installed = findBrowser(name);
  if (!installed) throw new Failure(why);
  return installed;
}
