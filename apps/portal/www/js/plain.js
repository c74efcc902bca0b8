// Pages that say nothing but what they are written with.
import {public_page} from '/js/page.js';

public_page(() => {});
