// What most files of tests look at: a service with the built page, and a browser beside it.
import { after, before } from 'node:test';

import { openBrowser, openPage, openReadyPage } from './browser.mjs';
import { startService } from './service.mjs';

/** A service and a browser for all tests of the file that calls this; both end with them. */
export function useSite() {
  let browser;
  let service;

  before(async () => {
    service = await startService();
    browser = await openBrowser();
  });

  after(async () => {
    await browser?.close();
    await service?.stop();
  });

  return {
    get browser() {
      return browser;
    },
    get url() {
      return service.url;
    },
    openPage: (options) => openPage(browser, service.url, options),
    openReadyPage: (options) => openReadyPage(browser, service.url, options),
  };
}
