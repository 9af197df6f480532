#include "imported.h"
