// Links one whole layer with nothing but what it declares; that it links is the test.
int main() { return 0; }
