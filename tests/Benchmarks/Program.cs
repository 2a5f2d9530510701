using PxBackup.Benchmarks;

// Each measurement is a word on the command line; docs/performance*.md hold the commands and what they printed.
switch (args)
{
    case ["records", .. var sizes]:
        await RecordStoreFloor.RunAsync(sizes);
        return 0;
    default:
        Console.Error.WriteLine("usage: records [rows …]");
        return 2;
}
