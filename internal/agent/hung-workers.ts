/** The workers that hang in one replica's volume. */
export class HungWorkers {
  #count = 0;
  #letGo: Promise<unknown> = Promise.resolve();

  get any(): boolean {
    return this.#count > 0;
  }

  /** Every one that has hung so far has let go. */
  get letGo(): Promise<unknown> {
    return this.#letGo;
  }

  /** One more, until `released`; then `onReleased` is called. */
  add(released: Promise<void>, onReleased: () => void): void {
    this.#count += 1;
    this.#letGo = Promise.all([this.#letGo, released]);
    void released.then(() => {
      this.#count -= 1;
      onReleased();
    });
  }
}
