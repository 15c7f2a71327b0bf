import { byId } from './element.js';

/** The button that clears the dictionary, and the question before it does. */
export class ClearDialog {
  #button = byId('button', 'clear');
  #dialog = byId('dialog', 'clear-dialog');

  constructor(onConfirm: () => void) {
    // A modal dialog keeps the focus inside, closes with Escape, and gives the focus back.
    this.#button.addEventListener('click', () => this.#dialog.showModal());
    byId('button', 'clear-no').addEventListener('click', () => this.#dialog.close());
    byId('button', 'clear-yes').addEventListener('click', () => {
      this.#dialog.close();
      this.#button.disabled = true;
      onConfirm();
    });
  }

  enable(): void {
    this.#button.disabled = false;
  }
}
