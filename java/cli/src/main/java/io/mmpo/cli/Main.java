package io.mmpo.cli;
import picocli.CommandLine;
@CommandLine.Command(name="mmpo", version="mmpo 0.1.0", mixinStandardHelpOptions=true)
public final class Main implements Runnable {
  public void run() { System.out.println("cwd " + System.getProperty("user.dir")); try { Thread.sleep(3000);} catch (InterruptedException e) {} }
  public static void main(String[] a) { System.exit(new CommandLine(new Main()).execute(a)); }
}
