System.Console.WriteLine("nothing to run");
