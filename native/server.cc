// copse
