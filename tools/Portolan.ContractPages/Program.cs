using Portolan.ContractPages;
using Portolan.Documents;

if (args.Length != 1 || !Directory.Exists(Path.Combine(args[0], "data")))
{
    Console.Error.WriteLine("usage: Portolan.ContractPages ROOT    (ROOT: the repository's folder)");
    return 64;
}

Reading<IReadOnlyList<Page>> pages = AllPages.Write(args[0]);
if (!pages.Ok)
{
    Console.Error.WriteLine(pages.Fault);
    return 65;
}

foreach (Page page in pages.Value)
{
    string path = Path.Combine(args[0], page.Path);
    if (!File.Exists(path) || File.ReadAllText(path) != page.Text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = path + ".new";
        File.WriteAllText(temporary, page.Text);
        File.Move(temporary, path, overwrite: true);
        Console.WriteLine(page.Path);
    }
}

return 0;
