/** Whether this is the page as one file, with its model inside (saved-page/), and no site's. */
export const isSaved: boolean = import.meta.env.MODE === 'saved';
