// What a test may have wrong with the stand-ins for a GPU's products.
#pragma once

namespace mmpo::testing {

// Whether products of e4m3 leave out the scales of rows.
bool& scaled_products_are_wrong();

}  // namespace mmpo::testing
